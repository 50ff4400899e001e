"""Run one code on the task of `peers.py`; print each curve and what it cost as a line of JSON.

    PYTHON benchmarks/peer_run.py CODE [MECSIM]

is started by `peers.py` with a Python in which CODE is installed (3.9 or later); MECSIM is the path
of that program. The process stays on one core; times are the least of several after a first run.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from peer_codes import CODES

BATCH, PATIENCE = 0.02, 0.6
"""Calls are timed together for at least the first, and repeated for about the second [s]."""


def children() -> float:
    """Return the CPU time of the processes that this one has started [s]."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def least(run: Callable[[], Any], clock: Callable[[], float]) -> tuple[float, float]:
    """Return the least CPU and wall time of a call [s], which has been called before."""
    begin = time.perf_counter()
    run()
    once = time.perf_counter() - begin
    calls = max(1, math.ceil(BATCH / once))
    cpu = wall = math.inf
    for _ in range(max(2, round(PATIENCE / (once * calls)))):
        begin, used = time.perf_counter(), clock()
        for _ in range(calls):
            run()
        cpu = min(cpu, (clock() - used) / calls)
        wall = min(wall, (time.perf_counter() - begin) / calls)
    return cpu, wall


def main(name: str, program: str) -> None:
    """Print one line of JSON for each case of a code."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    clock = children if name == "mecsim" else time.process_time
    for case in CODES[name](program):
        potential, current = case.curve(case.run())
        cpu, wall = least(case.run, clock)
        if name == "mecsim":
            log = Path(case.run()).with_name("log.txt").read_text()
            found = re.search(r"\d+/\d+/\d{4}", log)
            version = found[0] if found else ""
        else:
            version = metadata.version(name)
        line = {
            "version": version,
            "setting": case.setting,
            "resolution": case.resolution,
            "cpu": cpu,
            "wall": wall,
            "potential": [float(value) for value in potential],
            "current": [float(value) for value in current],
        }
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if sys.argv[2:] else "")
