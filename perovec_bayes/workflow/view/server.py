"""The server: for browsers on this machine alone, and for nothing but reading."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, HTTPError, RequestHandler

from perovec_bayes.errors import PerovecError, StudyError
from perovec_bayes.inference import storage
from perovec_bayes.report.browse import DEFAULT, Wish, list_page, overlay_page, refusal_page
from perovec_bayes.report.overlay import FEWEST, GROUPS, MOST, overlay
from perovec_bayes.workflow.interrupt import interruptible
from perovec_bayes.workflow.view.shelf import TYPES, Refused, Shelf

HOST = "127.0.0.1"
PORT, TRIED = 8765, 20
"""The port taken unless another is wanted, and how many above it are tried."""
_LARGEST_BODY = 1024
"""Of a request; none needs one [byte]."""
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""No scripts, nothing loaded: reports and lists need neither, and nothing else may have them."""
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Type": TYPES[".html"],
}
_WORDS = {
    403: "This server answers browsers on this machine, at its own address, about files of runs in "
    "its folder, and nothing else.",
    404: "There is no such page, and no file of a run with that name in the folder.",
    405: "This server is for reading: it knows GET and HEAD.",
}


class Page(RequestHandler):
    """What every answer has in common: who may ask, and by which headers it is guarded."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, shelf: Shelf, hosts: frozenset[str], work: ThreadPoolExecutor) -> None:
        """Take what all pages need.

        Parameters
        ----------
        shelf : Shelf
            The folder.
        hosts : frozenset of str
            Names by which the server may be called.
        work : ThreadPoolExecutor
            One thread for all reading and drawing.
        """
        self.shelf, self.hosts, self.work = shelf, hosts, work

    def set_default_headers(self) -> None:
        """Guard every answer."""
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse what another site may have sent: by a name of its own, or from a page of its own.

        A site can make its name stand for 127.0.0.1 (DNS rebinding); then `Host` still has its
        name.
        """
        headers = self.request.headers
        origins = {f"http://{host}" for host in self.hosts}
        if headers.get_list("Host") not in [[host] for host in self.hosts]:
            raise HTTPError(403)
        if "Origin" in headers and headers["Origin"] not in origins:
            raise HTTPError(403)
        if headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            raise HTTPError(403)

    async def head(self, *args: str) -> None:
        """Answer as to GET; the body is left out."""
        await self.get(*args)

    async def get(self, *args: str) -> None:
        """Answer that there is no such page."""
        raise HTTPError(404)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode names of files as the system does: they need not be UTF-8."""
        return value.decode("utf-8", "surrogateescape")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in a plain page why there is nothing else."""
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.SUPPORTED_METHODS))
        title = f"{status_code} {HTTPStatus(status_code).phrase}"
        self.finish(refusal_page(title, _WORDS.get(status_code, "That did not work.")))

    async def answer[T](self, make: Callable[[], T]) -> T:
        """Do something in the thread for reading and drawing."""
        return await asyncio.get_running_loop().run_in_executor(self.work, make)

    def refuse(self, status: int, title: str, words: str, ticked: Sequence[str] = ()) -> None:
        """Answer with a page that says what is wrong with what was asked for."""
        self.set_status(status)
        self.finish(refusal_page(title, words, ticked).encode("utf-8", "replace"))


class Listing(Page):
    """The list of runs."""

    async def get(self, *args: str) -> None:
        """Answer with the list, filtered and sorted as asked."""
        sorts = self.get_query_arguments("sort")
        wish = Wish(
            sort=sorts[-1] if sorts else DEFAULT,
            words=self.get_query_argument("words", ""),
            ticked=frozenset(self.get_query_arguments("run")),
            asked=len(sorts) > 1,
        )
        self.finish(await self.answer(lambda: self._page(wish)))

    def _page(self, wish: Wish) -> bytes:
        found = self.shelf.look()
        page = list_page(self.shelf.title, found.runs, found.batches, wish)
        return page.encode("utf-8", "replace")


class Comparing(Page):
    """Chosen runs beside each other."""

    async def get(self, *args: str) -> None:
        """Answer with the comparison of the runs named."""
        keys = list(dict.fromkeys(self.get_query_arguments("run")))
        title = f"Choose {FEWEST} to {MOST} runs"
        if not FEWEST <= len(keys) <= MOST:
            words = f"Chosen: {len(keys)}. Go back to the list, tick the runs, and try again."
            return self.refuse(400, title, words, keys)
        made = await self.answer(lambda: self._page(keys))
        if isinstance(made, str):
            return self.refuse(404, "These runs cannot be compared", made)
        self.finish(made)
        return None

    def _page(self, keys: list[str]) -> bytes | str:
        """Return the page, or why there is none."""
        runs = {run.key: run for run in self.shelf.look().runs if run.comparable}
        if not runs.keys() >= set(keys):
            return "Some of them are no longer there, or have no result."
        chosen, left_out = [], []
        for key in keys:
            folder = self.shelf.folder_of(runs[key])
            try:
                chosen.append((runs[key], storage.load(folder, GROUPS)))
            except PerovecError as error:
                left_out.append(f"{runs[key].place}: {error.what}")
        if len(chosen) < FEWEST:
            return f"Too few results can be read. {'; '.join(left_out)}."
        return overlay_page(overlay(chosen), left_out).encode("utf-8", "replace")


class File(Page):
    """A report, table, figure or record of a run, as it is."""

    async def get(self, *args: str) -> None:
        """Answer with the file."""
        try:
            path = self.shelf.file(args[0])
            data = await self.answer(path.read_bytes)
        except Refused as refused:
            raise HTTPError(refused.code) from None
        except OSError:
            raise HTTPError(404) from None
        self.set_header("Content-Type", TYPES[path.suffix])
        self.finish(data)


def view(
    folder: str | Path,
    *,
    port: int | None = None,
    open_browser: bool = False,
    tell: Callable[[str, int], None],
) -> None:
    """Show a folder of runs to browsers on this machine until Ctrl-C or SIGTERM.

    Parameters
    ----------
    folder : str or Path
        A folder of runs.
    port : int, optional
        The port, 0 for any that is free; the first free one from `PORT` on unless given.
    open_browser : bool, default False
        Whether to open a browser.
    tell : callable
        Called with the address and the number of runs when the server listens.

    Raises
    ------
    StudyError
        If there is no such folder, there are no runs in it, or the port cannot be had.
    KeyboardInterrupt
        At its end.
    """
    shelf = Shelf(folder)
    runs = shelf.look().runs
    if not runs:
        raise StudyError(
            "no runs in this folder or below it",
            file=folder,
            expected="folders as 'perovec fit' and 'perovec batch' make them",
            hint="Name the folder that was their --out.",
        )
    listener = listen(port)
    address = f"http://{HOST}:{listener.getsockname()[1]}/"
    with interruptible():
        tell(address, len(runs))
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        asyncio.run(serve(shelf, listener))


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens on this machine's own address.

    Parameters
    ----------
    port : int, optional
        As for `view`.

    Raises
    ------
    StudyError
        If it cannot be had.
    """
    if port is None:
        for each in range(PORT, PORT + TRIED):
            with suppress(OSError):
                return _bound(each)
        return _bound(0)
    if not 0 <= port <= 65535:
        raise StudyError("not a port", place="--port", expected="1 to 65535", found=port)
    try:
        return _bound(port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise StudyError(
            "the port is taken" if taken else f"the port cannot be had ({error.strerror})",
            place="--port",
            found=port,
            hint="Choose another, or leave --port off to have a free one.",
        ) from error


def _bound(port: int) -> socket.socket:
    found = socket.create_server((HOST, port))
    found.setblocking(False)
    return found


async def serve(shelf: Shelf, listener: socket.socket, until: asyncio.Event | None = None) -> None:
    """Answer requests.

    Parameters
    ----------
    shelf : Shelf
        The folder.
    listener : socket
        Where they come in; closed at the end.
    until : asyncio.Event, optional
        Ends it; for ever unless given.
    """
    work = ThreadPoolExecutor(max_workers=1)  # matplotlib draws one figure at a time
    server = HTTPServer(application(shelf, listener, work), max_body_size=_LARGEST_BODY)
    server.add_socket(listener)
    try:
        await (until or asyncio.Event()).wait()
    finally:
        server.stop()
        work.shutdown(wait=False, cancel_futures=True)
        await server.close_all_connections()


def application(shelf: Shelf, listener: socket.socket, work: ThreadPoolExecutor) -> Application:
    """Return what answers which address.

    Parameters
    ----------
    shelf : Shelf
        The folder.
    listener : socket
        Where requests come in: the server answers to its port alone.
    work : ThreadPoolExecutor
        One thread for all reading and drawing.
    """
    port = listener.getsockname()[1]
    names = (HOST, "localhost")
    hosts = frozenset(name if port == 80 else f"{name}:{port}" for name in names)
    common = {"shelf": shelf, "hosts": hosts, "work": work}
    return Application(
        [(r"/", Listing, common), (r"/compare", Comparing, common), (r"/files/(.*)", File, common)],
        default_handler_class=Page,
        default_handler_args=common,
        log_function=lambda handler: None,
    )
