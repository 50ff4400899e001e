"""A folder of runs, and a server on it in a thread."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from perovec_bayes.workflow.view.server import listen, serve
from perovec_bayes.workflow.view.shelf import Shelf


@contextmanager
def serving(folder):
    """Serve a folder at any free port; give the port."""
    shelf, listener = Shelf(folder), listen(0)
    port = listener.getsockname()[1]
    begun, loop, until = threading.Event(), None, None

    async def main():
        nonlocal loop, until
        loop, until = asyncio.get_running_loop(), asyncio.Event()
        begun.set()
        await serve(shelf, listener, until)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert begun.wait(30)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def shelf_of_runs(put_run, tmp_path_factory):
    """Two good runs, a failed one, a quick one, a broken one, one with markup in its title."""
    base = tmp_path_factory.mktemp("view") / "runs"
    put_run(base / "alpha", seed=1, title="The first")
    put_run(base / "deep" / "beta", seed=2, shift=0.004, title="The second")
    put_run(base / "gamma", seed=3, diverging=4)
    put_run(base / "delta-quick", seed=4, approximation="Laplace approximation")
    put_run(base / "evil ü&", seed=5, title="<script>document.title='owned'</script>")
    (put_run(base / "zeta", seed=6) / "summary.csv").write_text("quantity\n")
    return base


@pytest.fixture(scope="session")
def port(shelf_of_runs):
    """The port of a server on `shelf_of_runs`."""
    with serving(shelf_of_runs) as found:
        yield found


@pytest.fixture(scope="session")
def serve_folder():
    """Serve another folder."""
    return serving
