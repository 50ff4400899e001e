"""Time and memory of reading large files: a million rows of a voltammogram, a matrix of spectra.

`python benchmarks/reading.py` writes the files into a temporary folder, reads each in a process of
its own, and prints size, time, and the growth of the process over the size of the file.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS = 1_000_000
MATRICES = {"spectra": (2_000, 1_000), "diodes": (ROWS, 8)}
"""Times and wavelengths."""
META = {"current_sign": "anodic_positive"}
COLUMNS = {
    "time": {"name": "t", "unit": "s"},
    "potential": {"name": "E", "unit": "V"},
    "current": {"name": "I", "unit": "A"},
}
ABSORBANCE: dict[str, object] = {"quantity": "absorbance", "signal_unit": "1"}
OPTIONS: dict[str, dict[str, object]] = {
    "delimited": {"columns": COLUMNS, "meta": META},
    "mpt": {},
    "spectra": ABSORBANCE,
    "diodes": ABSORBANCE,
}


def voltammogram() -> np.ndarray:
    """Return time [s], potential [V] and current [A] of ten cycles, shape (ROWS, 3)."""
    t = np.arange(ROWS) * 1e-3
    phase = t * 20.0 / t[-1]
    potential = np.abs((phase + 1.0) % 2.0 - 1.0) - 0.2
    rng = np.random.default_rng(1)
    return np.column_stack([t, potential, 1e-5 * potential + 1e-8 * rng.normal(size=ROWS)])


def delimited(path: Path) -> None:
    """Write a comma-separated table."""
    np.savetxt(path, voltammogram(), "%.6e", delimiter=",", header="t,E,I", comments="")


def mpt(path: Path) -> None:
    """Write a file in the form of EC-Lab."""
    head = [
        "EC-Lab ASCII FILE",
        "Nb header lines : 6                         ",
        "",
        "Cyclic Voltammetry",
        "",
        "time/s\tEwe/V\t<I>/mA\tcycle number\t",
    ]
    t, potential, current = voltammogram().T
    cycle = 1 + np.floor(t * 10.0 / (t[-1] * (1 + 1e-9)))
    table = np.column_stack([t, potential, 1e3 * current, cycle])
    with path.open("w", newline="") as stream:
        stream.write("\r\n".join(head) + "\r\n")
        np.savetxt(stream, table, "%.9E", delimiter="\t", newline="\t\r\n")


def spectra(path: Path) -> None:
    """Write absorbances, times down and wavelengths across."""
    frames, pixels = MATRICES[path.name]
    nm = np.linspace(400.0, 800.0, pixels)
    t = np.arange(frames) * 0.5
    band = np.exp(-(((nm - 510.0) / 20.0) ** 2))
    table = np.column_stack([t, (0.5 + 0.2 * np.sin(t / 50.0))[:, None] * band + 0.01])
    head = "Time (s)," + ",".join(f"{x:.4f} nm" for x in nm)
    np.savetxt(path, table, "%.6f", delimiter=",", header=head, comments="")


WRITERS = {"delimited": delimited, "mpt": mpt, "spectra": spectra, "diodes": spectra}


def measure(name: str, path: Path) -> None:
    """Read a file and print its time and the growth of this process."""
    from perovec_bayes.readers import read  # noqa: PLC0415 - its import is not what is measured

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    data = read(path, **OPTIONS[name])
    seconds = time.process_time() - begin
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    size = path.stat().st_size
    shape = " x ".join(str(n) for n in data.sizes.values())
    sys.stdout.write(
        f"{name:10} {size / 1e6:6.1f} MB  {shape:14} {seconds:6.2f} s CPU  "
        f"memory {grown / 1e6:7.1f} MB = {grown / size:.1f} x file\n"
    )


def main() -> None:
    """Write and read all files."""
    if len(sys.argv) == 3:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, write in WRITERS.items():
            path = Path(folder) / name
            write(path)
            subprocess.run([sys.executable, __file__, name, str(path)], check=True)
            path.unlink()


if __name__ == "__main__":
    main()
