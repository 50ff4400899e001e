"""Fits of a batch whose chains are drawn together, before each is finished by itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from perovec_bayes.errors import PerovecError
from perovec_bayes.inference.backends import Drawn
from perovec_bayes.inference.lockstep import Form, draw_together, form_of, worthwhile
from perovec_bayes.inference.sample import Started, start
from perovec_bayes.inference.study import Study, checked_card
from perovec_bayes.workflow.prepare import Prepared, build_model, check_sampler, datasets
from perovec_bayes.workflow.quiet import quiet


class Ahead(NamedTuple):
    """What has been done of a fit: all but the results."""

    prepared: Prepared
    started: Started
    drawn: Drawn
    lanes: int
    """For how many fits the computation was compiled."""
    seconds: float
    """How long that took, with its share of what was done for several fits [s]."""


class _Ready(NamedTuple):
    """A fit before it is sampled."""

    prepared: Prepared
    started: Started
    form: Form
    seconds: float


def sampled_together(studies: Sequence[Study], lanes: int) -> list[Ahead | None]:
    """Read, build and sample studies, with those of one form in one computation.

    Parameters
    ----------
    studies : sequence of Study
        With the sampler "blackjax"; at most `lanes`.
    lanes : int
        As in `draw_together`.

    Returns
    -------
    list of (Ahead or None)
        None where a study has to be fitted by itself: lock-step would not make it faster, or
        something is wrong with it, which its own fit will say.
    """
    with quiet():
        ready = [_ready(study) for study in studies]
        families: dict[object, list[int]] = {}
        for number, each in enumerate(ready):
            if each is not None:
                alike = each.form.text, each.started.settings._replace(seed=0)
                families.setdefault(alike, []).append(number)
        found: list[Ahead | None] = [None] * len(ready)
        for members in families.values():
            ours = [(number, each) for number in members if (each := ready[number]) is not None]
            begun = time.perf_counter()
            drawn = draw_together(
                [each.started.target for _, each in ours],
                [each.form for _, each in ours],
                [each.started.settings for _, each in ours],
                lanes,
            )
            share = (time.perf_counter() - begun) / len(ours)
            for (number, each), own in zip(ours, drawn, strict=True):
                if own is not None:
                    found[number] = Ahead(
                        each.prepared, each.started, own, lanes, each.seconds + share
                    )
    return found


def _ready(study: Study) -> _Ready | None:
    begun, settings = time.perf_counter(), study.sampler
    with suppress(PerovecError):
        check_sampler(study)
        card = checked_card(study)
        data = datasets(study)
        model = build_model(study, card, data)
        started = start(
            model,
            chains=settings.chains,
            draws=settings.draws,
            tune=settings.tune,
            seed=study.sampler_seed,
            target_accept=settings.target_accept,
            whiten=settings.whiten,
        )
        form = form_of(started.target)
        if worthwhile(form):
            prepared = Prepared(study, card, data, model)
            return _Ready(prepared, started, form, time.perf_counter() - begun)
    return None
