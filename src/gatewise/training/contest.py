"""A contest: networks and baselines on the same windows, scored on the same test part."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from gatewise.data.forecasting import ForecastData
from gatewise.files import write_whole
from gatewise.networks.baselines import BASELINES
from gatewise.networks.forecaster import Forecaster, ForecastShape, HeadedForecaster
from gatewise.networks.saving import SavedModel, load_model, save_model
from gatewise.training.options import ForecastOptions, TrainOptions
from gatewise.training.processes import is_first
from gatewise.training.scores import Scores, foretell, mean_scores, score


class Watcher(Protocol):
    """Who is told how a contest goes."""

    def begin(self, name: str) -> None: ...

    def progress(self, share: float, message: str) -> None: ...

    def finish(self, entry: Entry) -> None: ...


@dataclass(frozen=True)
class Entry:
    """A line of the leaderboard: the mean over the trainings of one contender.

    spread: the standard deviation of MASE over the trainings; seconds: of one training
    validation: the pinball score on the validation part, by which `network` was chosen
    """

    name: str
    baseline: bool
    scores: Scores
    spread: float
    trainings: int
    parameters: int
    seconds: float
    validation: float
    network: Forecaster


@dataclass(frozen=True)
class Contest:
    """All entries, the best on the test part first."""

    data: ForecastData
    entries: tuple[Entry, ...]

    def chosen(self, baseline: bool) -> Entry | None:
        """The network, or the baseline, that the validation part speaks for; the test has no say."""
        entries = [one for one in self.entries if one.baseline == baseline]
        return min(entries, key=lambda one: one.validation, default=None)

    def verdict(self) -> str:
        """Who won, said plainly."""
        best = self.entries[0]
        rival = next((one for one in self.entries if one.baseline != best.baseline), None)
        if rival is None:
            return f"{best.name} has the lowest MASE, {best.scores.mase:.3f}."
        gain = 1 - best.scores.mase / rival.scores.mase if rival.scores.mase else 0.0
        told = (
            f"{best.name} wins with a MASE of {best.scores.mase:.3f}, {gain:.1%} below "
            f"the best {'network' if best.baseline else 'baseline'}, {rival.name} ({rival.scores.mase:.3f})."
        )
        if rival.scores.mase - best.scores.mase <= max(best.spread, rival.spread):
            told += " That is within the spread of the trainings: take them as equal."
        return f"A baseline suffices here: {told}" if best.baseline else told


def ranked(data: ForecastData, entries: list[Entry]) -> Contest:
    """The contest of these entries, the lowest MASE on the test part first."""
    return Contest(data, tuple(sorted(entries, key=lambda one: one.scores.mase)))


def shape_of(data: ForecastData) -> ForecastShape:
    """The sizes of a forecasting problem, from its data."""
    known = data.train.known
    observed = data.train.view.shape[1] - 1 - known
    return ForecastShape(data.plan.context, data.plan.horizon, data.plan.period, known, observed)


def baselines(data: ForecastData, watcher: Watcher) -> Iterator[Entry]:
    """The baselines that need no training by gradient; one that does not apply is left out."""
    train, validation = data.train.all(), data.validation.all()
    for name, kind in BASELINES.items():
        if kind is BASELINES["seasonal-naive"] and not 1 < data.plan.period <= data.plan.context:
            continue
        watcher.begin(name)
        began = time.perf_counter()
        network = kind(shape_of(data))
        network.learn(train, validation)
        seconds = time.perf_counter() - began
        entry = _entry(name, True, [network], [seconds], data)
        watcher.finish(entry)
        yield entry


def trained(
    name: str,
    make: Callable[[], HeadedForecaster],
    data: ForecastData,
    trainings: Mapping[Path, TrainOptions],
    watcher: Watcher,
    baseline: bool = False,
) -> Entry:
    """One contender, trained once in each folder; finished trainings there are taken as they are."""
    networks, seconds = [], []
    for number, (folder, options) in enumerate(trainings.items()):
        watcher.begin(name if len(trainings) == 1 else f"{name} {number + 1} of {len(trainings)}")
        network, took = _train(name, make, data, folder, options, watcher)
        networks.append(network)
        seconds.append(took)
    entry = _entry(name, baseline, networks, seconds, data)
    watcher.finish(entry)
    return entry


def evaluated(name: str, network: Forecaster, data: ForecastData) -> Entry:
    """An entry for a network that was trained before."""
    return _entry(name, False, [network], [0.0], data)


def for_use(name: str, network: Forecaster, data: ForecastData, options: ForecastOptions) -> SavedModel:
    """A network with all that it needs to read and foretell new data."""
    return SavedModel(
        name,
        network,
        data.plan,
        data.learned,
        data.source.columns,
        str(data.source.step),
        options.fill,
        options.time_format,
    )


def _train(
    name: str,
    make: Callable[[], HeadedForecaster],
    data: ForecastData,
    folder: Path,
    options: TrainOptions,
    watcher: Watcher,
) -> tuple[Forecaster, float]:
    """The trained network and the seconds it took, from the folder where it is finished there."""
    result = folder / "result.json"
    if result.is_file():
        return load_model(folder).network, float(json.loads(result.read_text())["seconds"])
    from gatewise.training.fit import fit  # Lightning takes seconds to import: only who trains waits

    torch.manual_seed(options.seed)
    network = make()
    fitted = fit(network, data.train, data.validation, options, folder, watcher.progress)
    if not is_first():
        sys.exit(0)  # the first process evaluates and writes
    network.calibrate(foretell(network, data.validation), data.validation.all().truth)
    save_model(folder, for_use(name, network, data, options))
    write_whole(result, lambda path: path.write_text(json.dumps(asdict(fitted))))
    return network, fitted.seconds


def _entry(
    name: str, baseline: bool, networks: list[Forecaster], seconds: list[float], data: ForecastData
) -> Entry:
    scores = [score(foretell(one, data.test), data, data.test) for one in networks]
    validations = [score(foretell(one, data.validation), data, data.validation).pinball for one in networks]
    return Entry(
        name,
        baseline,
        mean_scores(scores),
        float(np.std([one.mase for one in scores])),
        len(networks),
        sum(one.numel() for one in networks[0].parameters()),
        float(np.mean(seconds)),
        min(validations),
        networks[int(np.argmin(validations))],
    )


def write_leaderboard(path: Path, contest: Contest) -> None:
    """All entries as CSV, the best first."""
    rows = [
        {
            "model": one.name,
            "baseline": one.baseline,
            **asdict(one.scores),
            "mase_spread": one.spread,
            "trainings": one.trainings,
            "parameters": one.parameters,
            "seconds": one.seconds,
            "validation_pinball": one.validation,
        }
        for one in contest.entries
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, lambda partial: partial.write_text(text.getvalue()))
