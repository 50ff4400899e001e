"""The notebooks run from top to bottom without an error, and end in a figure."""

import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.md"))
IMAGES = {"image/png", "image/svg+xml"}
FORGET = """
for name in set(globals()) - set(get_ipython().user_ns_hidden):
    if not name.startswith("_"):
        del globals()[name]
"""
"""What a cell runs to forget the names of the notebooks before."""


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all notebooks, since imports take longer than most of them."""
    manager = KernelManager(kernel_name="python3")
    env = {name: value for name, value in os.environ.items() if name != "PEROVEC_FERROCENE"}
    manager.start_kernel(cwd=str(FOLDER), env=env)
    yield manager
    manager.shutdown_kernel(now=True)
    manager.context.destroy()


def execute(notebook, manager):
    """Run a notebook with no name defined by another."""
    forget = nbformat.v4.new_code_cell(FORGET)
    client = NotebookClient(notebook, km=manager, timeout=300, store_widget_state=False)
    notebook.cells.insert(0, forget)
    try:
        client.execute()
    finally:
        client.kc.stop_channels()
        client.kc.context.destroy()
    notebook.cells.pop(0)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{n:02}_" for n in range(1, 9)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, kernel):
    cells = execute(jupytext.read(path), kernel)
    assert cells
    assert all(cell.execution_count for cell in cells)
    shown = [set(output.get("data", ())) for output in cells[-1].outputs]
    assert any(IMAGES & kinds for kinds in shown)
