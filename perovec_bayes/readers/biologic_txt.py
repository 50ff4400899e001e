"""BioLogic text export (.txt) without the EC-Lab header: columns such as `Ewe/V` and `<I>/mA`.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] or `current_density`
[A cm^-2], and `cycle`. Anodic currents are positive, as in every file of EC-Lab. Area and reference
are not in the file. Where there is no `time/s`, state `scan_rate`. Points at open circuit and under
current control are left out if the file has the column `mode`.
"""

from __future__ import annotations

import re

from perovec_bayes.readers.biologic_points import controlled
from perovec_bayes.readers.text_export import export_reader

NAME = "biologic_txt"
OWN = re.compile(r"(^|[\t;,\s])<?Ewe[^\t;,]*/m?V|<I>?/[mµun]?A|control/V", re.IGNORECASE)

READER = export_reader(NAME, "BioLogic text export without header (.txt)", OWN, controlled)
