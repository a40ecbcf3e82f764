"""A search for better options: many trainings of one task, each with options that Optuna proposes.

A trial is the folder of a run whose network is trained and validated, but not yet scored on the test set.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning import Callback, LightningModule, Trainer

from gatewise.data.fingerprint import fingerprint
from gatewise.errors import DivergedError, GatewiseError
from gatewise.plain import one_line
from gatewise.tasks.base import AnyTask, TaskData
from gatewise.tasks.config import resolve
from gatewise.tasks.options import TrainOptions, verb_options
from gatewise.tasks.search_space import SearchRange, draw_options
from gatewise.training import runs
from gatewise.training.lightning import Lightning
from gatewise.training.lock import locked
from gatewise.training.memory import enough_memory
from gatewise.training.progress import ProgressOnly
from gatewise.training.runner import ProgressCallback, Runner

if TYPE_CHECKING:
    from optuna import Study, Trial

JOURNAL = "study.log"  # all trials, which several processes may append to
STARTUP, WARMUP = 5, 3  # trials before any is stopped early, and epochs of each before it may be


@dataclass(frozen=True)
class Search:
    """What is searched: the options of a task on some data.

    folder: of the study and its trials, which several machines may share
    fixed: options that are not varied; space: the range of each option that is
    """

    task: AnyTask
    data: Path
    folder: Path
    fixed: Mapping[str, Any]
    space: Mapping[str, SearchRange]
    lightning: Lightning

    def trial_folder(self, number: int) -> Path:
        """The folder of a trial, which is counted from 1 there; number: from 0, as in Optuna"""
        return self.folder / "trials" / f"{number + 1:04d}"

    def run(self, callback: ProgressCallback, trials: int, seconds: float | None) -> tuple[Study, TaskData]:
        """Trains until the number of trials is reached, with those of earlier and other processes.

        seconds: after which no further trial begins; None for no limit

        Returns: the study, and the data.

        Raises: `GatewiseError` if the folder has a search of something else, or no trial succeeds.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        study = open_study(self.folder)
        self._check_same(study)
        base = self._options({})
        with enough_memory(base):
            data = self.task.read(self.data, base)
        callback.notes(data.notes)
        self._free_abandoned(study)
        end = None if seconds is None else time.monotonic() + seconds
        while _begun(study) < trials and (end is None or time.monotonic() < end):
            trial = study.ask()
            callback.begin(f"trial {trial.number + 1} of {trials}")
            with _ended(study, trial):
                cost = self._cost(trial, base, data, callback)
                study.tell(trial, cost)
                callback.notes([self._describe(trial, cost)])
        if not any(one.state.name == "COMPLETE" for one in study.trials):
            raise GatewiseError(f"none of {_begun(study)} trials has finished with a finite loss; give more")
        return study, data

    def _cost(self, trial: Trial, base: TrainOptions, data: Any, callback: ProgressCallback) -> float:
        """Trains the network of a trial; returns its cost on the validation set.

        base: the options before any is varied
        """
        options = self._options(draw_options(trial, self.space, dict(base)))
        with locked(self.trial_folder(trial.number)) as folder:
            run = runs.begin("train", self.task, self.data, options, folder)
            runs.write(run)
            pruning = _Pruning(trial)
            lightning = Lightning(
                self.lightning.options, (*self.lightning.callbacks, pruning), self.lightning.logger
            )
            preprocessing = self.task.preprocessing(data, options)
            runner = Runner(self.task, data, ProgressOnly(callback), preprocessing, lightning)
            ((name, cell),) = run.cells.items()
            make = partial(self.task.network, data, options, cell)
            return runner.validated(name, make, folder, options)

    def _options(self, drawn: Mapping[str, Any]) -> TrainOptions:
        options = resolve(verb_options("train", self.task.options), None, {**self.fixed, **drawn})
        assert isinstance(options, TrainOptions)
        return options

    def _describe(self, trial: Trial, cost: float) -> str:
        """A trial in a line."""
        metric = self.task.selection_metric
        values = ", ".join(f"{name} {_short(value)}" for name, value in trial.params.items())
        return f"trial {trial.number + 1}: {metric.title} {metric.format(metric.cost(cost))} ({values})"

    def _check_same(self, study: Study) -> None:
        """Raises: `GatewiseError` if the study in the folder is of another task, other data or options."""
        fixed = {name: str(value) for name, value in sorted(self.fixed.items())}
        own = {"task": self.task.name, "data": fingerprint(self.data), "options": fixed}
        known = study.user_attrs.get("search")
        if known is None:
            study.set_user_attr("search", own)
        elif known != own:
            other = next(name for name, value in own.items() if known.get(name) != value)
            raise GatewiseError(
                f"{str(self.folder)!r} has a search with other {other}: give another --out, or the same "
                f"{other} to continue it"
            )

    def _free_abandoned(self, study: Study) -> None:
        """Proposes the options of trials again whose process has ended without a result."""
        from optuna.trial import TrialState

        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            try:
                with locked(self.trial_folder(trial.number)):
                    pass
            except GatewiseError:
                continue  # another process trains it
            study.enqueue_trial(trial.params)
            study.tell(trial.number, state=TrialState.FAIL)


def open_study(folder: Path) -> Study:
    """The study in a folder, which is made if it is missing.

    Raises: `GatewiseError` if Optuna is not installed, or the file of the study is damaged.
    """
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ModuleNotFoundError as error:
        raise GatewiseError('a search needs Optuna: pip install "gatewise[tune]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / JOURNAL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            study = optuna.create_study(
                storage=optuna.storages.JournalStorage(JournalFileBackend(str(path))),
                pruner=optuna.pruners.MedianPruner(STARTUP, WARMUP),
                study_name="search",
                load_if_exists=True,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise GatewiseError(f"{path} is damaged: {one_line(error)}") from error
        # The seed of a search that continues is another one, which proposes other options.
        study.sampler = optuna.samplers.TPESampler(
            multivariate=True, group=True, constant_liar=True, seed=len(study.trials)
        )
    return study


def _begun(study: Study) -> int:
    """The number of trials, without those that wait for a process."""
    return sum(trial.state.name != "WAITING" for trial in study.get_trials(deepcopy=False))


@contextmanager
def _ended(study: Study, trial: Trial) -> Iterator[None]:
    """Records a trial that is stopped early or fails; a loss that is not finite does not end the search."""
    from optuna import TrialPruned
    from optuna.trial import TrialState

    try:
        yield
    except TrialPruned:
        study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
    except DivergedError:
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise


class _Pruning(Callback):
    """Reports the validation loss of each epoch, and stops a trial that is worse than most at that epoch."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loss = trainer.callback_metrics.get("validation_loss")
        if trainer.sanity_checking or loss is None:
            return
        from optuna import TrialPruned

        self._trial.report(float(loss), trainer.current_epoch)
        if self._trial.should_prune():
            raise TrialPruned


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
