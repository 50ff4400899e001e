"""Synthetic data of a study: a model card at known true values, with noise."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.errors import PerovecError, StudyError
from perovec_bayes.files import write_text
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.priors import Beta
from perovec_bayes.inference.study import Study, truths
from perovec_bayes.readers.base import SYNTHETIC_MARK
from perovec_bayes.workflow import synthetic, templates
from perovec_bayes.workflow.folder import writing
from perovec_bayes.workflow.prepare import attach_dilution, build_model, open_study, read_entry
from perovec_bayes.workflow.quiet import quiet

TRUTH = "truth.json"


def simulate(
    study_path: str | Path,
    out: str | Path,
    *,
    seed: int | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write synthetic data of a study: `NAME.csv` for each [[data]] table, and `truth.json`.

    Parameters
    ----------
    study_path : str or Path
        The study file, with [truth] and [simulate]; its [[data]] tables describe the files made.
    out : str or Path
        Folder for the files; made if absent.
    seed : int, optional
        Seed of the random numbers; the study's unless given.
    overwrite : bool, default False
        Whether files that exist are replaced.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    StudyError
        If the design or the truth is incomplete, the study's own tables do not read the files, or
        a file exists.
    """
    with quiet():
        study, card = open_study(study_path)
        folder = Path(out)
        paths = [folder / f"{entry.name}.csv" for entry in study.data] + [folder / TRUTH]
        for path in paths:
            if path.exists() and not overwrite:
                raise StudyError(
                    "the file exists already",
                    file=path,
                    hint="Use --overwrite to replace it, or another --out.",
                )
        seed = study.study.seed if seed is None else seed
        data = templates.templates(study)
        attach_dilution(study, data)
        model = build_model(study, card, data)
        rng = np.random.default_rng(seed)
        drawn, truth = _draw(study, card, model, rng)
        head = (
            f"{SYNTHETIC_MARK.decode()} written by perovec simulate from card {card.name}, "
            f"study {study.name}, seed {seed}\n"
        )
        tables = {name: head + _content(study, data[name], drawn[name]) for name in drawn}
        _check_readable(study, tables, data, drawn)
    truth = {"study": study.name, "card": card.name, "seed": seed, **truth}
    contents = [tables[entry.name] for entry in study.data] + [json.dumps(truth, indent=2) + "\n"]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, contents, strict=True):
            write_text(path, content)
    return paths


def _draw(
    study: Study, card: Card, model: pm.Model, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return new data of every observable, and the values behind them."""
    info = info_of(model)
    compiled = Compiled(model)
    point = _true_point(study, card, model, rng)
    where = compiled.unconstrain({name: value[None] for name, value in point.items()})
    quantities = [name for name in info.quantities if name not in point]
    graphs = [graph for o in info.observables for graph in (o.mean, *o.noise)]
    checks = [requirement.excess for requirement in info.requirements]
    wanted = [*graphs, *checks, *(model[name] for name in quantities)]
    values = Mapped(compiled.function(wanted), chunk=1)(where)
    if not all(np.isfinite(each).all() for each in [where, *values[: len(graphs)]]):
        raise StudyError(
            "the model has no finite value at the truth",
            file=study.origin.file,
            place="truth",
            hint="Is each true value within the range of its prior?",
        )
    series = iter(value[0] for value in values)
    drawn = {}
    for o in info.observables:
        mean, *noise = [next(series) for _ in range(1 + len(o.noise))]
        drawn[o.name] = o.draw(rng, mean, *noise)
        if o.expand is not None:
            drawn[o.name] = o.expand(rng, drawn[o.name], mean, *noise)
    for requirement in info.requirements:
        if next(series) > 0:
            raise StudyError(
                requirement.what, file=study.origin.file, place="truth", hint=requirement.hint
            )
    derived = dict(zip(quantities, series, strict=True))
    record = {
        kind: {
            name: {"value": np.asarray(value).tolist(), "unit": info.quantities[name].unit}
            for name, value in found.items()
            if name in info.quantities
        }
        for kind, found in (("parameters", point), ("derived", derived))
    }
    return drawn, record


def _true_point(
    study: Study, card: Card, model: pm.Model, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return a value for every free variable: the truth, or a draw from its prior for the z's."""
    stated, degrees = truths(card, study), info_of(model).degrees
    shapes = {v.name: v.shape.eval() for v in model.free_RVs}
    shares = {f"{name}_share": name for name in card.parameters if f"{name}_share" in shapes}
    known = {name for name in shapes if name in card.parameters} | set(shares.values())
    _complete(study, card, stated, known)
    point = {}
    for name, shape in shapes.items():
        if name in shares:
            prior = card.parameters[shares[name]].canonical_prior()
            assert isinstance(prior, Beta)  # only these are stretched
            share = (stated[shares[name]] - prior.lower) / (prior.upper - prior.lower)
            point[name] = np.full(shape, share)
        elif name in known:
            point[name] = np.full(shape, stated[name])
        elif name in degrees:
            point[name] = rng.standard_t(degrees[name], shape)
        else:
            point[name] = rng.standard_normal(shape)
    return point


def _complete(study: Study, card: Card, stated: Mapping[str, float], known: set[str]) -> None:
    """Check that every free parameter has a truth, and nothing else one that does not hold."""
    file = study.origin.file
    if missing := [name for name in card.parameters if name in known - set(stated)]:
        raise StudyError(
            f"no true value for {', '.join(missing)}",
            file=file,
            place="truth",
            expected="one for every free parameter of the model",
        )
    for name in sorted(set(stated) - known):
        fixed = card.parameters[name].fixed_value()
        if fixed is None or not np.isclose(stated[name], fixed, rtol=1e-9, atol=0.0):
            raise StudyError(
                f"'{name}' is not a free parameter of this model",
                file=file,
                place=f"truth.{name}",
                expected="no true value" if fixed is None else f"{fixed:g}, at which it is fixed",
                hint="Remove it, or change the options or fixed values.",
            )


def _content(study: Study, data: xr.Dataset, drawn: np.ndarray) -> str:
    """Return drawn data as the text of a CSV file."""
    name = str(data.attrs["name"])
    entry = next(each for each in study.data if each.name == name)
    if entry.technique == "cv":
        sign = 1.0 if data.attrs["source_current_sign"] == "anodic_positive" else -1.0
        time, potential = data["time"].to_numpy(), data["potential"].to_numpy()
        return synthetic.cv_table(entry, time, potential, sign * drawn, data["cycle"].to_numpy())
    if entry.technique == "od":
        time = data["time"].to_numpy() - float(data.attrs["clock_offset_s"])
        if "wavelength" in data.dims:
            return synthetic.spectra_table(time, data["wavelength"].to_numpy(), drawn)
        bands = [str(band) for band in data["band"].to_numpy()]
        return synthetic.od_table(time, dict(zip(bands, drawn.T, strict=True)))
    rows = templates.icp_rows(study, name)
    placeholders = np.array([row.lod or templates.PLACEHOLDER for row in rows])
    unit = data["value"].to_numpy() / placeholders
    values = drawn / unit
    if bad := [row.sample for row, v in zip(rows, values, strict=True) if v <= 0 and not row.lod]:
        raise StudyError(
            f"a simulated reading of sample '{bad[0]}' is not positive",
            file=study.origin.file,
            place=f"simulate.{name}",
            hint="Give it a detection limit (lod).",
        )
    return synthetic.icp_table(rows, values.tolist())


def _check_readable(
    study: Study,
    tables: Mapping[str, str],
    data: Mapping[str, xr.Dataset],
    drawn: Mapping[str, np.ndarray],
) -> None:
    """Refuse to write files that the study's own [[data]] tables read wrong or not at all."""
    with tempfile.TemporaryDirectory(prefix="perovec-") as folder:
        for number, entry in enumerate(study.data, start=1):
            name, problem = entry.name, "they are read, but with other values"
            path = Path(folder) / f"{name}.csv"
            path.write_text(tables[name], encoding="utf-8")
            try:
                found = read_entry(study, number, path)
                if _same(found, data[name], drawn[name]):
                    continue
            except PerovecError as error:
                problem = error.what
            header = next(x for x in tables[name].splitlines() if not x.startswith("#"))
            raise StudyError(
                f"these settings do not read the simulated file: {problem}",
                file=study.origin.file,
                place=f"data#{number}",
                expected=f"a mapping of the columns {header}",
                hint="See docs/data.md.",
            )


def _same(found: xr.Dataset, template: xr.Dataset, drawn: np.ndarray) -> bool:
    """Tell whether a dataset holds the drawn values in the design of the template."""
    names = ("absorbance", "value", "current_density", "current")
    value = next(found[name].to_numpy() for name in names if name in found)
    pairs = [(found[name], template[name]) for name in ("time", "potential") if name in template]
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-9) for a, b in pairs
    ) and bool(
        value.shape == drawn.shape
        and np.allclose(np.where(np.isnan(value), drawn, value), drawn, rtol=1e-4, atol=1e-15)
    )
