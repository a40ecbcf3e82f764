"""Trains and scores the candidates of a comparison."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol

import numpy as np
import torch

from gatewise.errors import DivergedError, GatewiseError
from gatewise.files import write_whole
from gatewise.metrics.metric import Metric
from gatewise.modules.finite import ADVICE
from gatewise.modules.network import Baseline, Network
from gatewise.processes import is_first
from gatewise.tasks.base import AnyComparison, DataT, Task
from gatewise.tasks.comparison import AnyResult, Comparison, Result
from gatewise.tasks.options import TrainOptions
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.training.fine_tuning import frozen
from gatewise.training.lightning import NO_EXTRAS, Lightning
from gatewise.training.runs import read_result


class ProgressCallback(Protocol):
    """Receives the progress of a comparison."""

    def notes(self, lines: Sequence[str]) -> None: ...

    def begin(self, name: str) -> None: ...

    def progress(self, fraction: float, message: str) -> None: ...

    def preview(self, text: str) -> None: ...

    def warn(self, sentence: str) -> None: ...

    def finish(self, result: AnyResult, metric: Metric) -> None: ...


class _Trained(NamedTuple):
    """A trained network, the duration of its training, and its cost on the validation set.

    learning_rates: of each epoch up to the best one; empty if they are unknown
    """

    network: Network
    seconds: float
    cost: float
    learning_rates: tuple[float, ...] = ()


class _Candidate(NamedTuple):
    """How the best training of a candidate was done.

    make: builds the network to train on all data; is_new: whether it is newly initialized
    """

    trained: _Trained
    options: TrainOptions
    make: Callable[[], Network]
    is_new: bool


class Runner(Generic[DataT]):
    """Trains and scores the candidates of a task, one after another."""

    task: Task[DataT, Any, Any, Any]
    callback: ProgressCallback
    preprocessing: Mapping[str, Any]
    lightning: Lightning
    metrics: tuple[Metric, ...]

    def __init__(
        self,
        task: Task[DataT, Any, Any, Any],
        data: DataT,
        callback: ProgressCallback,
        preprocessing: Mapping[str, Any],
        lightning: Lightning = NO_EXTRAS,
    ) -> None:
        self.task, self.data, self.callback, self.preprocessing = task, data, callback, preprocessing
        self.lightning, self.metrics = lightning, task.applicable_metrics(data)
        self._candidates: dict[str, _Candidate] = {}
        self._has_trained = False  # else all trainings were loaded

    def baselines(self, kinds: Mapping[str, Callable[[], Baseline]]) -> Iterator[AnyResult]:
        """The results of the baselines that are not trained by gradient descent."""
        for name, make in kinds.items():
            self.callback.begin(name)
            began = time.perf_counter()
            network = make()
            network.fit(self.data.train, self.data.validation)
            try:
                cost = self._validation_cost(name, network)
                network.refit(self.data.train, self.data.validation)
                trained = _Trained(network, time.perf_counter() - began, cost)
                result = self._result(name, True, [trained])
            except DivergedError as error:
                self.leave_out(error)
            else:
                yield result

    def leave_out(self, error: DivergedError) -> None:
        """Warns that the current candidate is not ranked."""
        self.callback.warn(f"left out: {error}")

    def trained(
        self,
        name: str,
        make: Callable[[], Network],
        trainings: Mapping[Path, TrainOptions],
        baseline: bool = False,
        make_again: Callable[[], Network] | None = None,
    ) -> AnyResult:
        """Trains one candidate once in each folder; finished trainings there are loaded.

        trainings: the options of each training, by its folder
        make_again: builds the network of a model that is trained further, for `refitted`
        """
        finished = []
        for number, (folder, options) in enumerate(trainings.items()):
            self.callback.begin(name if len(trainings) == 1 else f"{name} {number + 1} of {len(trainings)}")
            if baseline:  # no gradient flows through its steps
                options = options.model_copy(update={"watch_gradient": False})
            finished.append(self._train(name, make, folder, options))
        best = min(range(len(finished)), key=lambda number: finished[number].cost)
        options = list(trainings.values())[best]
        self._candidates[name] = _Candidate(finished[best], options, make_again or make, make_again is None)
        return self._result(name, baseline, finished)

    def refit_data(self, name: str) -> DataT | None:
        """All data, to train a candidate on again; None if the options or the task ask for none."""
        return self.task.refit_data(self.data, self._candidates[name].options)

    def refitted(self, name: str, everything: DataT, folder: Path) -> SavedModel | None:
        """The network of a candidate, trained again on all data as its best training was.

        everything: as by `refit_data`
        folder: for the files of the training; an interrupted training in it continues

        Returns: None if the training diverges, or has no learning rates to repeat.
        """
        trained, options, make, is_new = self._candidates[name]
        self.callback.begin(f"{name}, all data")
        if not trained.learning_rates:
            self.callback.warn("left out: an earlier version trained the network and recorded no rates")
            return None
        from gatewise.training.fit import fit_again  # Lightning takes seconds to import
        from gatewise.training.module import Course

        if self._has_trained:
            shutil.rmtree(folder, ignore_errors=True)  # of an earlier training
        course = Course.of(options, len(self.data.train), trained.learning_rates)
        torch.manual_seed(options.seed)
        network = make()
        self.task.prepare_refit(network, everything, is_new)
        train = self.task.augmented(everything.train, options)
        try:
            with frozen(network, options.freeze):
                fit_again(network, train, options, course, folder, self.callback.progress, self.lightning)
        except DivergedError as error:
            self.leave_out(error)
            return None
        self.task.finish_refit(network, trained.network)
        steps = f"{course.epochs} epochs of {course.steps} steps, chosen by validation"
        self.callback.notes((f"{name} is trained again on all data, for predict: {steps}",))
        return SavedModel(self.task.name, name, network, self.task.preprocessing(everything, options))

    def validated(self, name: str, make: Callable[[], Network], folder: Path, options: TrainOptions) -> float:
        """Trains once in a folder; returns the cost on the validation set. The test set is not read."""
        return self._train(name, make, folder, options).cost

    def before(self, name: str, network: Network) -> AnyResult:
        """The result of a network that will be trained further, as a baseline."""
        self.callback.begin(name)
        return self._result(name, True, [_Trained(network, 0.0, self._validation_cost(name, network))])

    def evaluated(self, name: str, network: Network) -> AnyResult:
        """The result of a network that was trained before, on the test set."""
        predictions, scores = self._scored(name, network, self.data.test)
        first = {one.name: scores[one.name] for one in self.metrics}
        size = sum(one.numel() for one in network.parameters())
        result = Result(name, False, first, 0.0, 1, size, 0.0, None, predictions)
        self.callback.finish(result, self.metrics[0])
        return result

    def ranked(self, results: list[AnyResult]) -> Comparison[DataT, Any]:
        """The comparison of these results, the best on the test set first."""
        first = self.metrics[0]
        order = sorted(results, key=lambda one: first.cost(one.scores[first.name]))
        return Comparison(self.task, self.data, tuple(order))

    def saved(self, name: str, network: Network) -> SavedModel:
        """The network as a saved model, with the preprocessing of new data."""
        return SavedModel(self.task.name, name, network, self.preprocessing)

    def _train(self, name: str, make: Callable[[], Network], folder: Path, options: TrainOptions) -> _Trained:
        """The trained network; loaded if its training is finished in the folder."""
        result = folder / "result.json"
        if result.is_file():
            finished = read_result(result)
            try:
                network = load_model(folder).network
            except GatewiseError as error:
                raise GatewiseError(f"{error}; or remove {result} to train it again") from error
            cost = self._validation_cost(name, network) if finished.cost is None else finished.cost
            return _Trained(network, finished.seconds, cost, tuple(finished.learning_rates or ()))
        from gatewise.training.fit import fit  # Lightning takes seconds to import

        task = self.task
        torch.manual_seed(options.seed)
        network = make()
        data = task.training_data(network, self.data)

        def preview() -> None:
            text = task.preview(network, data)
            if text is not None:
                self.callback.preview(text)

        with frozen(network, options.freeze):
            fitted = fit(
                network,
                task.augmented(data.train, options),
                data.validation,
                options,
                folder,
                self.callback.progress,
                preview,
                self.callback.warn,
                self.lightning,
            )
        self._has_trained = True
        if not is_first():
            sys.exit(0)  # the first process evaluates and writes
        began = time.perf_counter()
        task.finish(network, data)
        cost = self._validation_cost(name, network)
        network.refit(data.train, data.validation)
        fitted = replace(fitted, seconds=fitted.seconds + time.perf_counter() - began)
        save_model(folder, self.saved(name, network))
        content = json.dumps({**asdict(fitted), "cost": cost})
        write_whole(result, lambda path: path.write_text(content))
        return _Trained(network, fitted.seconds, cost, fitted.learning_rates)

    def _validation_cost(self, name: str, network: Network) -> float:
        """The cost of the selection metric on the validation set; lower is better."""
        metric, data = self.task.selection_metric, self.task.training_data(network, self.data)
        scores = self._scored(name, network, data.validation if len(data.validation) else data.test)[1]
        return metric.cost(scores[metric.name])

    def _scored(
        self, name: str, network: Network, split: Sized
    ) -> tuple[Predictions[Network, Any], dict[str, float]]:
        """The predictions for a split and their scores. Raises: `DivergedError` if one is not finite."""
        task, testing = self.task, split is self.data.test
        predictions = task.predictions(network.eval(), self.data, split)
        scores = task.score(predictions, self.data)
        for metric in self.metrics if testing else (task.selection_metric,):
            if not isfinite(value := scores[metric.name]):
                which = "test" if testing else "validation"
                raise DivergedError(
                    f"the {metric.title} of {name} on the {which} set is {value}: "
                    f"look for extreme values in the data, or {ADVICE}"
                )
        return predictions, scores

    def _result(self, name: str, baseline: bool, trained: list[_Trained]) -> AnyResult:
        first = self.metrics[0].name
        tested = [self._scored(name, one.network, self.data.test) for one in trained]
        scores = [own for _, own in tested]
        means = {one.name: float(np.mean([own[one.name] for own in scores])) for one in self.metrics}
        costs = [one.cost for one in trained]
        result = Result(
            name=name,
            baseline=baseline,
            scores=means,
            std=float(np.std([own[first] for own in scores])),
            trainings=len(trained),
            parameters=sum(parameter.numel() for parameter in trained[0].network.parameters()),
            seconds=float(np.mean([one.seconds for one in trained])),
            validation=min(costs),
            predictions=tested[int(np.argmin(costs))][0],
        )
        self.callback.finish(result, self.metrics[0])
        return result


def write_leaderboard(path: Path, comparison: AnyComparison) -> None:
    """Writes all results as CSV, the best first."""
    write_whole(path, comparison.table.write_csv)
