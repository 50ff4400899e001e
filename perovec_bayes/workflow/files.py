"""Small services around files: data, reports made again, cards, schemas for editors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from perovec_bayes import readers
from perovec_bayes.diagnostics.observables import decoded
from perovec_bayes.errors import StudyError
from perovec_bayes.files import write_text
from perovec_bayes.inference import storage
from perovec_bayes.inference.cards import card_names, load_card
from perovec_bayes.inference.editor import card_json_schema, study_json_schema
from perovec_bayes.report import SUFFIXES
from perovec_bayes.report import report as make_report
from perovec_bayes.report.export import PAGE, export
from perovec_bayes.report.figures.picture import FORMATS, draw_picture
from perovec_bayes.workflow.folder import MARK, RESULT, whole_folder, writing
from perovec_bayes.workflow.stored_crate import renew_crate


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


def remake_report(
    result: str | Path, out: str | Path | None = None, *, overwrite: bool = False
) -> Path:
    """Make the report of a saved result again, with its tables, figures and bibliography.

    Parameters
    ----------
    result : str or Path
        A run folder, or its `posterior.nc`.
    out : str or Path, optional
        The folder to make; unless given, the files in the run folder are replaced. A name that ends
        in ".html" or ".pdf" gives that file alone.
    overwrite : bool, default False
        Whether an earlier report in `out` is replaced.

    Returns
    -------
    Path
        The page, or the file.

    Raises
    ------
    DataError
        If there is no such result.
    StudyError
        If `out` exists and may not be replaced, or is no place for a report.
    """
    tree = storage.load(result)
    if out is not None and Path(out).suffix.lower() in SUFFIXES:
        with writing(Path(out)):
            return make_report(tree, out)
    if out is None:
        folder = Path(result) if Path(result).is_dir() else Path(result).parent
        if not (folder / MARK).is_file():
            raise StudyError(
                "the result does not lie in a run folder",
                file=result,
                expected=f"{MARK} beside it",
                hint="Say where the report shall go: --out FOLDER.",
            )
        begun = datetime.now(UTC)
        with writing(folder):
            renew_crate(folder, export(tree, folder), begun)
        return folder / PAGE
    target = Path(out)
    if (target / RESULT).exists():
        raise StudyError(
            "a run folder, which a report does not replace",
            file=target,
            hint="Leave --out off to renew the report there, or choose another folder.",
        )
    with whole_folder(target, overwrite=overwrite) as folder, writing(target):
        export(tree, folder)
        record = json.dumps(decoded(tree, "provenance"), indent=2)
        (folder / MARK).write_text(f"{record}\n", encoding="utf-8")
    return target / PAGE


def list_cards() -> list[tuple[str, str]]:
    """Return name and title of every shipped card."""
    return [(name, load_card(name).card.title) for name in card_names()]


def editor_schema(
    kind: Literal["study", "card"] = "study",
    *,
    card: str | None = None,
    out: str | Path | None = None,
) -> str:
    """Return the JSON Schema of study files or of cards, and perhaps write it.

    Parameters
    ----------
    kind : {"study", "card"}
        The files that it is for.
    card : str, optional
        Name or path of a card, for a study with just its parameters, options and techniques.
    out : str or Path, optional
        The file to write or replace, whole or not at all; its name ends in ".json".

    Returns
    -------
    str
        The schema, as it stands in the file.

    Raises
    ------
    StudyError
        If there is no such card, or the file cannot be written.
    """
    if kind == "card" and card is not None:
        raise StudyError(
            "the schema of cards is the same for every card",
            place="--card",
            hint="Leave --card off, or ask for the schema of studies.",
        )
    if out is not None and Path(out).suffix != ".json":
        raise StudyError(
            "the schema is written as JSON", file=out, expected="a name that ends in '.json'"
        )
    if kind == "card":
        schema = card_json_schema()
    else:
        schema = study_json_schema(None if card is None else load_card(card))
    text = f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n"
    if out is not None:
        with writing(Path(out)):
            write_text(out, text)
    return text
