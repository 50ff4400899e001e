"""Small services around files: describe data, make a report again, list cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perovec_bayes import readers
from perovec_bayes.errors import StudyError
from perovec_bayes.inference import storage
from perovec_bayes.inference.cards import card_names, load_card
from perovec_bayes.report import report as make_report
from perovec_bayes.report.figures.picture import FORMATS, draw_picture
from perovec_bayes.workflow.folder import writing


def read_file(
    path: str | Path,
    format: str | None = None,
    *,
    save: str | Path | None = None,
    plot: str | Path | None = None,
    **mapping: Any,
) -> readers.Summary:
    """Read a data file, or a folder of spectra, and say what was understood of it.

    Parameters
    ----------
    path : str or Path
        The file; or a folder or pattern, as `readers.read` takes it.
    format : str, optional
        Its format; told by the content unless given.
    save : str or Path, optional
        A netCDF file to write the dataset to, whole or not at all.
    plot : str or Path, optional
        A picture to draw, likewise; its name ends in one of `picture.FORMATS`.
    **mapping
        As `readers.read` takes it.

    Returns
    -------
    Summary
        `str()` of it prints.
    """
    if save is not None and Path(save).suffix != ".nc":
        raise StudyError(
            "the dataset is saved as netCDF", file=save, expected="a name that ends in '.nc'"
        )
    if plot is not None and Path(plot).suffix.lower() not in FORMATS:
        raise StudyError(
            "not a kind of picture",
            file=plot,
            expected=f"a name that ends in {' or '.join(map(repr, FORMATS))}",
        )
    data = readers.read(path, format, **mapping)
    if save is not None:
        with writing(Path(save)):
            storage.write_netcdf(data, save)
    if plot is not None:
        with writing(Path(plot)):
            draw_picture(data, plot)
    return readers.describe(data)


def remake_report(result: str | Path, out: str | Path | None = None) -> Path:
    """Make the HTML report of a saved result.

    Parameters
    ----------
    result : str or Path
        A run folder, or its `posterior.nc`.
    out : str or Path, optional
        The file to write; `report.html` beside the result unless given.

    Returns
    -------
    Path
        The report.
    """
    tree = storage.load(result)
    folder = Path(result) if Path(result).is_dir() else Path(result).parent
    path = folder / "report.html" if out is None else Path(out)
    with writing(path):
        return make_report(tree, path)


def list_cards() -> list[tuple[str, str]]:
    """Return name and title of every shipped card."""
    return [(name, load_card(name).card.title) for name in card_names()]
