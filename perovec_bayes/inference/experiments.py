"""Several experiments in one study: which parameters they share, and by which name each knows them.

A parameter is the same for all experiments, for all in one solvent, or belongs to one experiment.
The first keeps its name; of the others there is one for each solvent or experiment, as in "E0[PC]"
and "G0[film 2]".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import xarray as xr

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.cards import Card, Level, Parameter
from perovec_bayes.inference.priors import unknown

if TYPE_CHECKING:
    from perovec_bayes.inference.study import DataEntry, Study


def base(key: str) -> str:
    """Return the name of a parameter without the solvent or experiment it is for.

    Parameters
    ----------
    key : str
        As in "E0[PC]", or "E0" itself.
    """
    return key.partition("[")[0]


def level_of(card: Card, name: str) -> Level:
    """Return what shares a parameter.

    Parameters
    ----------
    card : Card
        With a study's overrides merged in.
    name : str
        Name of the parameter in the card.
    """
    for level, names in card.groups.items():
        if name in names:
            return level
    return "experiment"


def shared_anyway(card: Card) -> frozenset[str]:
    """Return the parameters that another experiment in the same solvent shares.

    Parameters
    ----------
    card : Card
        Any; one without groups says that nothing is shared.
    """
    return frozenset([*card.groups.get("all", ()), *card.groups.get("solvent", ())])


def key_at(card: Card, name: str, level: Level, label: str) -> str:
    """Return the name under which an experiment knows something of a level.

    Parameters
    ----------
    card : Card
        With the experiments of a study.
    name : str
        Without solvent or experiment.
    level : str
        "all", "solvent" or "experiment".
    label : str
        The experiment.
    """
    if level == "all":
        return name
    return f"{name}[{card.experiments[label].solvent if level == 'solvent' else label}]"


def of_experiment(card: Card, label: str) -> Card:
    """Return the card as one experiment sees it: its own parameters under their plain names.

    Parameters
    ----------
    card : Card
        From `with_experiments`.
    label : str
        The experiment.
    """
    names = dict.fromkeys(base(key) for key in card.parameters)
    parameters = {
        name: card.parameters[key_at(card, name, level_of(card, name), label)] for name in names
    }
    options = {**card.options, **card.experiments[label].options}
    return card.model_copy(update={"parameters": parameters, "options": options})


def with_experiments(card: Card, study: Study) -> Card:
    """Return a card with one parameter for each solvent or experiment, as its groups say.

    Parameters
    ----------
    card : Card
        As the study names it.
    study : Study
        With `experiments`; its `groups` move parameters from one level to another.

    Raises
    ------
    StudyError
        If the card is for one experiment, or a group names an unknown parameter.
    """
    file = study.origin.file
    if "solvent" not in card.groups:
        raise StudyError(
            f"card '{card.name}' takes one experiment",
            file=file,
            place="experiments",
            expected="a card whose [groups] table says what a solvent shares",
            hint="Give each experiment a study of its own.",
        )
    groups = {level: list(names) for level, names in card.groups.items()}
    for level, names in study.groups.items():
        for name in names:
            if name not in card.parameters:
                raise StudyError(
                    unknown("parameter", name, card.parameters), file=file, place=f"groups.{level}"
                )
            for others in groups.values():
                if name in others:
                    others.remove(name)
            groups.setdefault(level, []).append(name)
    card = card.model_copy(update={"groups": groups, "experiments": dict(study.experiments)})
    parameters: dict[str, Parameter] = {}
    for name, entry in card.parameters.items():
        for label in study.experiments:
            key = key_at(card, name, level_of(card, name), label)
            suffix = key.removeprefix(name)
            symbol = f"{entry.symbol} {suffix}" if suffix else entry.symbol
            parameters[key] = entry.model_copy(update={"symbol": symbol})
    return card.model_copy(update={"parameters": parameters})


def targets(name: str, parameters: Iterable[str]) -> list[str]:
    """Return the parameters that a name stands for: itself, or those of all its groups.

    Parameters
    ----------
    name : str
        As a study writes it.
    parameters : iterable of str
        Of the card with its experiments.
    """
    known = list(parameters)
    return [name] if name in known else [key for key in known if base(key) == name]


def assign(study: Study, entry: DataEntry, number: int, data: xr.Dataset) -> None:
    """Write into a dataset to which experiment it belongs, and check that it may.

    Parameters
    ----------
    study : Study
        The study.
    entry : DataEntry
        What it says of the dataset.
    number : int
        Which of its [[data]] tables, from 1.
    data : xr.Dataset
        Its attributes `experiment` and `solvent` are set.

    Raises
    ------
    StudyError
        If the experiment is missing, unknown, or in another solvent than the data.
    """
    known, label = study.experiments, entry.experiment
    file, place = study.origin.file, f"data#{number}.experiment"
    if label is None:
        if known and entry.technique != "icp":
            raise StudyError(
                "the study has several experiments and does not say to which these data belong",
                file=file,
                place=place,
                expected=f"one of {', '.join(known)}",
                found="nothing",
            )
        return
    if label not in known:
        what = unknown("experiment", label, known) if known else "the study has no experiments"
        raise StudyError(
            what, file=file, place=place, hint=None if known else "Add [experiments] tables."
        )
    data.attrs["experiment"] = label
    if entry.technique == "icp":
        return
    solvent = known[label].solvent
    if str(data.attrs.setdefault("solvent", solvent)) != solvent:
        raise StudyError(
            f"experiment '{label}' is in another solvent than its data",
            file=file,
            place=place,
            expected=f"'{solvent}'",
            found=f"'{data.attrs['solvent']}'",
        )


def check_techniques(card: Card, study: Study) -> None:
    """Check that every experiment has the data that the card requires.

    Parameters
    ----------
    card : Card
        With the study's overrides merged in.
    study : Study
        The study.

    Raises
    ------
    StudyError
        If one has not.
    """
    for label in study.experiments:
        given = [entry.technique for entry in study.data if entry.experiment == label]
        for technique in card.data.requires:
            if technique not in given:
                raise StudyError(
                    f"experiment '{label}' has no data of technique '{technique}'",
                    file=study.origin.file,
                    place="data",
                    expected=", ".join(card.data.requires),
                    found=", ".join(given) or "no data",
                )


def owner(data: xr.Dataset, card: Card) -> str:
    """Return the experiment that a dataset belongs to.

    ICP-OES data without one tell about their solvent; the first experiment in it takes them.

    Parameters
    ----------
    data : xr.Dataset
        Any dataset of a study with several experiments.
    card : Card
        With these experiments.

    Raises
    ------
    StudyError
        If there is none.
    """
    if "experiment" in data.attrs:
        return str(data.attrs["experiment"])
    solvents = {entry.solvent: label for label, entry in reversed(card.experiments.items())}
    found = sorted({*data["solvent"].to_numpy().astype(str)}) if "solvent" in data else []
    if len(found) != 1 or found[0] not in solvents:
        raise StudyError(
            "these data belong to no experiment",
            file=data.attrs.get("source_file"),
            expected=f"rows of one of the solvents {', '.join(solvents)}",
            found=", ".join(found) or "no solvent",
            hint="Give each solvent a [[data]] table of its own, or name the experiment.",
        )
    return solvents[found[0]]
