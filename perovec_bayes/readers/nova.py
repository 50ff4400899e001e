"""Text export (.txt, .csv) of Metrohm Autolab NOVA: `WE(1).Potential (V)`, `WE(1).Current (A)`.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] and `cycle` (the column
`Scan`). The separator may be a semicolon, a tab or a comma, the decimal mark either. NOVA writes
anodic currents as positive (formic acid on gold, in a real file, shows it). Area and reference
are not in the file. Where there is only `Potential applied (V)`, that one is used, with a
warning.
"""

from __future__ import annotations

import re

from perovec_bayes.readers.text_export import export_reader

NAME = "nova"
OWN = re.compile(r"WE\(\d\)\.Current \(\w*A\)")

READER = export_reader(NAME, "Metrohm Autolab NOVA text export (.txt, .csv)", OWN)
