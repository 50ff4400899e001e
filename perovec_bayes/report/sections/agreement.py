"""Whether model, data and prior agree."""

from __future__ import annotations

from perovec_bayes.report.content import (
    Block,
    Bullets,
    Cell,
    Heading,
    Picture,
    Section,
    Table,
    code,
    number,
    say,
    table,
)
from perovec_bayes.report.facts import Facts


def fit(facts: Facts) -> Section:
    """Return the data with what the fitted model predicts."""
    drawings = (*facts.figures.fits, *facts.figures.parts)
    blocks: tuple[Block, ...] = tuple(Picture(each) for each in drawings)
    if not blocks:
        blocks = (say("The result holds no data that can be drawn."),)
    return Section("fit", "Fit over data (posterior predictive)", blocks)


def checked(facts: Facts) -> Section:
    """Return features and left-out values."""
    found = facts.checks
    blocks: list[Block] = [Heading("Features")]
    if found.features:
        blocks.append(
            say(
                "What one reads off the data by eye, from the data and, in the same way, from new "
                "data that the fitted model makes (replicates). Currents are smoothed over 40 mV "
                "and hold whatever background there is. p is small if few replicates lie as far "
                "out as the data; below 0.01 the model does not reproduce the feature. The fit "
                "has seen the same data, so a large p proves little."
            )
        )
        if found.feature_words:
            blocks.append(Bullets(found.feature_words, bad=True))
        blocks += [say(found.feature_note), _features(facts)]
    else:
        blocks.append(say("No voltammogram or optical density, so no features."))
    blocks.append(Heading("Values left out one at a time"))
    if found.pit_words:
        blocks += [
            say(
                "Each value is compared with what all the other values and the model say of it. If "
                "the noise model is right, such comparisons come out below and above, near and "
                "far, as often as they should."
            ),
            Bullets(found.pit_words),
        ]
        if facts.figures.pit:
            blocks.append(Picture(facts.figures.pit))
    else:
        blocks.append(say("The result does not hold these comparisons."))
    return Section("checks", "Does the model reproduce the data", tuple(blocks))


def _features(facts: Facts) -> Table:
    columns = ("Feature", "Where", "Measured", "Model", "Interval", "Unit", "p",
               "By the prior alone")  # fmt: skip
    rows = [
        (
            f"{row.data}: {row.name}",
            row.where,
            number(row.measured),
            number(row.median),
            number(row.interval),
            number(row.unit or "1"),
            Cell(row.p, style="bad number" if row.outside else "number"),
            number(row.prior),
        )
        for row in facts.checks.features
    ]
    caption = f"Features of the data and of replicates; {facts.interval.words} of these"
    return table("features", caption, columns, rows)


def sensitive(facts: Facts) -> Section:
    """Return how far each quantity hangs on the prior."""
    found = facts.checks
    title = "Does the prior matter"
    if not found.sensitivity:
        text = "The result does not hold the prior density of its draws, so this cannot be said."
        return Section("sensitivity", title, (say(text),))
    columns = ("Quantity", "Prior", "Data", "Noise", "Moved by prior / sd",
               "Moved by data / sd", "Most by the prior of", "Verdict")  # fmt: skip
    rows = [
        (
            code(row.name),
            *map(
                number,
                (row.prior, row.likelihood, row.prior_noise, row.prior_shift, row.likelihood_shift),
            ),
            code(row.most_by) if row.most_by else "–",
            Cell(row.verdict or "–", style="note" if row.verdict else "text"),
        )
        for row in found.sensitivity
    ]
    caption = (
        "Sensitivity to prior and data, and movement of the mean for each doubling of their weight"
    )
    return Section(
        "sensitivity",
        title,
        (
            say(
                "What if the prior, or the data, counted a little more or less? The sensitivity "
                "says how much a quantity reacts, for each doubling of the weight; from 0.05 on, "
                "and above the noise of the draws (column Noise), it counts. A quantity that "
                "reacts to the data alone is safe. One that reacts to the prior alone shows the "
                "prior. One that reacts to both may be pulled in two directions."
            ),
            Bullets(found.sensitivity_words),
            table("sensitivity", caption, columns, rows),
        ),
    )
