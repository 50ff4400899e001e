"""Draw the figure of the README from the run of `examples/bulk_film`.

.venv/bin/python docs/make_readme_figure.py runs/bulk_film docs/figures/readme.png
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import perovec_bayes as pb

BLUE, GREY = "#0b5394", "#777777"


def main(run: str, target: str) -> None:
    """Draw current, optical density and what was learned, side by side."""
    result = pb.open_result(run)
    data, constant = result["observed_data"], result["constant_data"]
    new = result["posterior_predictive"]
    figure = Figure(figsize=(9.0, 2.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.25, 1.1, 1.0))

    potential = constant["cv_potential"].to_numpy()
    mean = new["cv_mean"].median(("chain", "draw")).to_numpy()
    current = 1e6 * data["cv"].to_numpy()
    left.plot(potential, current, ".", ms=2, color=GREY, label="data (synthetic)")
    left.plot(potential, 1e6 * mean, color=BLUE, lw=1, label="posterior median")
    left.set(xlabel="E vs Fc/Fc$^+$ / V", ylabel="j / µA cm$^{-2}$", title="voltammogram, 3 cycles")
    left.legend(frameon=False, fontsize=7, loc="lower right")

    time = constant["od_time"].to_numpy()
    low, high = new["od"].quantile([0.025, 0.975], dim=("chain", "draw")).to_numpy()
    for band, (label, height) in enumerate([("500–550 nm", 0.165), ("550–600 nm", 0.047)]):
        middle.fill_between(time, low[:, band], high[:, band], color=BLUE, alpha=0.25, lw=0)
        middle.plot(time, data["od"].to_numpy()[:, band], ".", ms=2, color=GREY)
        middle.annotate(label, (600, height), fontsize=7)
    middle.set(xlabel="t / s", ylabel="optical density", title="the film, seen by light")

    for group, colour, style in (("prior", GREY, "--"), ("posterior", BLUE, "-")):
        draws = np.sort(result[group]["E_f"].to_numpy().ravel())
        right.plot(draws, np.linspace(0, 1, draws.size), style, color=colour, label=group)
    right.set(xlabel="E$_f$ vs Fc/Fc$^+$ / V", ylabel="probability of less", xlim=(-2.6, -1.0))
    right.set_title("formal potential of decomposition")
    right.legend(frameon=False, fontsize=7)
    for axis in (left, middle, right):
        axis.spines[["top", "right"]].set_visible(False)
        axis.title.set_fontsize(9)
    figure.savefig(target, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
