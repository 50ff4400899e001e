"""Ctrl-C and SIGTERM, which libraries like to swallow."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """End the block with KeyboardInterrupt on Ctrl-C or SIGTERM, whatever the code inside does.

    A sampler that is interrupted may return the draws that it has; they must not pass for a result.
    SIGTERM is what batch systems send. Outside the main thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        nonlocal seen
        seen = True
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
        if seen:
            raise KeyboardInterrupt
    except BaseException as error:
        if seen and not isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
