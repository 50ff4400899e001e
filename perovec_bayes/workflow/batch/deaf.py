"""Loaded by every worker of this machine when it starts: Ctrl-C is for the driver, which ends them.

A terminal sends it to all processes.
"""

from __future__ import annotations

import signal
import threading
from typing import Any


def dask_setup(worker: Any) -> None:
    """Ignore Ctrl-C from now on; Dask calls this.

    Parameters
    ----------
    worker : Worker
        The worker.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
