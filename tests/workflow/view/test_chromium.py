"""The pages in a real browser: open, sort by mouse and by keyboard, choose, compare."""

import asyncio

import matplotlib.image
import pytest
from chromium import NAMES, PROGRAM, chromium

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason=f"no browser to test with: none of {', '.join(NAMES)} is installed"
)
PLACES = "[...document.querySelectorAll('tbody th .about code')].map(e => e.textContent)"
FOCUS = "document.activeElement.id || document.activeElement.value || ''"
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
WIDE, NARROW = (1280, 900), (390, 844)


async def tab_to(tab, wanted):
    """Press Tab until an element has the focus."""
    for _ in range(60):
        await tab.press("Tab")
        if await tab.value(FOCUS) == wanted:
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


async def look(tab, folder, name):
    """Take screenshots, wide and narrow; nothing may stick out of the page."""
    for kind, size in (("wide", WIDE), ("narrow", NARROW)):
        await tab.size(*size)
        assert await tab.value(FITS), f"{name} is wider than the {kind} window"
        path = folder / f"{name}-{kind}.png"
        await tab.screenshot(path)
        picture = matplotlib.image.imread(path)
        assert picture.shape[:2] == size[::-1]
        assert picture[..., :3].std() > 0.02  # something is seen
    await tab.size(*WIDE)


async def visit(address, folder):
    """Go through what a reader does."""
    async with chromium(folder) as tab:
        await tab.call("Page.enable")
        await tab.size(*WIDE)
        await tab.open(address)
        assert await tab.value(PLACES) == [
            "evil ü&", "delta-quick", "gamma", "deep/beta", "alpha", "zeta",
        ]  # fmt: skip
        assert "<script>" in await tab.value("document.body.textContent")  # as words
        assert "owned" not in await tab.value("document.title")
        await look(tab, folder, "list")

        await tab.click("#sort-took")
        await tab.until("location.search.includes('took-up')")
        assert (await tab.value(PLACES))[1:4] == ["alpha", "deep/beta", "gamma"]

        await tab_to(tab, "sort-name")
        await tab.press("Enter")
        await tab.until("location.search.endsWith('sort=name-up')")
        assert (await tab.value(PLACES))[:2] == ["alpha", "deep/beta"]
        assert await tab.value(FOCUS) == "sort-name"
        assert await tab.value("document.querySelector('[aria-sort]').ariaSort") == "ascending"
        await tab.press("Enter")
        await tab.until("location.search.endsWith('sort=name-down')")
        assert (await tab.value(PLACES))[-2:] == ["deep/beta", "alpha"]

        await tab_to(tab, "gamma")
        await tab.press(" ")
        await tab.click("input[value='alpha']")
        checked = "[...document.querySelectorAll('input:checked')].map(e => e.value)"
        assert await tab.value(checked) == ["gamma", "alpha"]
        await tab.click("#sort-made")
        await tab.until("location.search.includes('made-up')")
        assert await tab.value(checked) == ["alpha", "gamma"]  # in the order shown
        await look(tab, folder, "ticked")

        await tab.click("button.main")
        await tab.until("location.pathname === '/compare'")
        assert await tab.value("document.querySelector('h1').textContent") == (
            "2 runs beside each other"
        )
        assert "GATE" in await tab.value("document.querySelector('.banner.failed').textContent")
        assert await tab.value("document.querySelector('figure svg').clientWidth") > 300
        await look(tab, folder, "compared")
        await tab.click("nav a")
        await tab.until("location.pathname === '/'")
        assert sorted(await tab.value(checked)) == ["alpha", "gamma"]

        await tab.click("a[href='/files/alpha/report.html']")
        await tab.until("location.pathname.endsWith('/report.html')")
        assert await tab.value("document.body.textContent") == "report of alpha"


def test_a_reader_in_a_browser(port, tmp_path):
    asyncio.run(visit(f"http://127.0.0.1:{port}/", tmp_path))
