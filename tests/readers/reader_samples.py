"""Small files in the forms that instruments write."""

import numpy as np

MPT_COLUMNS = ("mode", "ox/red", "error", "time/s", "control/V", "Ewe/V", "<I>/mA", "cycle number")


def triangle(cycles=2, points=40, start=0.0, turn=0.4):
    """Times [s] and potentials [V] of a triangular wave at 0.1 V/s."""
    sweep = np.linspace(start, turn, points, endpoint=False)
    one = np.concatenate([sweep, np.linspace(turn, start, points, endpoint=False)])
    potential = np.concatenate([*[one] * cycles, [start]])
    time = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(potential)))]) / 0.1
    return time, potential


def mpt(
    *,
    decimal=".",
    newline="\r\n",
    area="0.001 cm²",
    columns=MPT_COLUMNS,
    technique="Cyclic Voltammetry",
    header=(),
    cycles=2,
):
    """Return the text of an EC-Lab export in the same form as the real ones."""
    top = [
        "EC-Lab ASCII FILE",
        "Nb header lines : N",
        "",
        technique,
        "",
        "Run on channel : 1 (SN 1)",
        f"Electrode surface area : {area}",
        "Characteristic mass : 0.001 g",
        *header,
        "",
        "\t".join(columns) + "\t",
    ]
    top[1] = f"Nb header lines : {len(top)}                          "
    time, potential = triangle(cycles)
    rows = []
    for i, (t, e) in enumerate(zip(time, potential, strict=True)):
        cells = {
            "mode": "2",
            "ox/red": "1",
            "error": "0",
            "time/s": f"{t + 3.5:.15E}",
            "control/V": f"{e:.7E}",
            "Ewe/V": f"{e + 1e-4:.7E}",
            "<Ewe>/V": f"{e + 1e-4:.7E}",
            "<I>/mA": f"{np.sin(i / 9):.15E}",
            "I/mA": f"{np.sin(i / 9):.15E}",
            "cycle number": f"{1 + i // 80:.15E}",
        }
        rows.append("\t".join(cells[c] for c in columns).replace(".", decimal))
    return newline.join([*top, *rows]) + newline
