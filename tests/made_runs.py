"""Small run folders as a fit leaves them, made without a sampler."""

import json

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics import check, summarise, write_csv
from perovec_bayes.inference import storage

CHAINS, DRAWS = 4, 400


def made_tree(*, seed=1, shift=0.0, diverging=0, approximation="", reference="Ag/AgCl", **names):
    """Return a small result without a sampler: E0, two K_sp of which one is a limit, D, a noise."""
    rng = np.random.default_rng(seed)
    shape, dims = (CHAINS, DRAWS), ("chain", "draw")

    def about(unit, role, description, **more):
        return {"unit": unit, "symbol": "", "role": role, "description": description,
                "free": 1, "kind": "value", "scale": "linear", **more}  # fmt: skip

    log_k = np.stack([rng.normal(-11.7, 0.2, shape), -33 - np.abs(rng.normal(0, 4, shape))], -1)
    limits = json.dumps(["", "upper"])
    posterior = xr.Dataset(
        {
            "E0": (dims, rng.normal(0.25 + shift, 0.002, shape),
                   about("V", "primary", "formal potential", display_unit="mV")),
            "K_sp": ((*dims, "solvent"), 10**log_k,
                     about("1", "primary", names.get("about", "solubility product"), scale="log",
                           support="positive", limits=limits)),
            "D": (dims, 10 ** rng.normal(-5.6, 0.03, shape),
                  about("cm^2/s", "derived", "diffusion coefficient", scale="log", free=0)),
            "sigma": (dims, rng.normal(1e-7, 1e-9, shape), about("A", "ancillary", "noise")),
        },
        coords={"solvent": ["PC", "DCM"]},
    )  # fmt: skip
    flags = np.zeros(shape, dtype=bool)
    flags.flat[:diverging] = True
    stats = xr.Dataset({"diverging": (dims, flags), "energy": (dims, rng.normal(50, 3, shape))})
    groups = {"posterior": posterior} if approximation else {
        "posterior": posterior, "sample_stats": stats}  # fmt: skip
    tree = xr.DataTree.from_dict(groups)
    name, data = names.get("name", "run"), names.get("data", f"{seed:064x}")
    cv = {"technique": "cv", "unit": "A", "dims": ["cv_point"], "reference": reference}
    roots = {
        "study": {"name": name, "title": names.get("title", ""), "interval_prob": 0.95},
        "card": {"name": names.get("card", "redox_couple")},
        "observables": {"cv": cv},
        "priors": {},
        "sampler": {"worth": 0.5, "pareto_k": 0.2},
        "provenance": {
            "created": names.get("created", f"2026-01-{seed:02d}T12:00:00+00:00"),
            "wall_time_s": 10.0 * seed,
            "study": {"name": name},
            "card": {"name": names.get("card", "redox_couple")},
            "data": [{"name": "cv", "file": f"{data[:4]}.csv", "sha256": data, "synthetic": 0}],
        },
    }
    tree.attrs = {key: json.dumps(value) for key, value in roots.items()}
    if approximation:
        tree.attrs["approximation"] = approximation
    tree.attrs["gate"] = check(tree).to_json()
    return tree


def put_run_folder(folder, **choices):
    """Write a run folder of `made_tree`, as a fit leaves it; return it."""
    tree = made_tree(**{"name": folder.name, **choices})
    folder.mkdir(parents=True)
    storage.save(tree, folder / "posterior.nc")
    write_csv(summarise(tree), folder / "summary.csv")
    gate = json.loads(tree.attrs["gate"])
    events = [{"event": "start"}, {"event": "gate", **gate}, {"event": "end", "seconds": 1.0}]
    (folder / "run.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in events))
    (folder / "provenance.json").write_text(tree.attrs["provenance"])
    title = json.dumps(choices.get("title", ""))
    (folder / "study.toml").write_text(f"[study]\nname = 'x'\ntitle = {title}\n")
    (folder / "report.html").write_text(f"<p>report of {folder.name}</p>")
    return folder
