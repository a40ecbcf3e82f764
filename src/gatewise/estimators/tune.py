"""Searches for better options of a network."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from gatewise.data.memory.arrays import Layout
from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.estimators.compare import task_for
from gatewise.estimators.reporting import reported
from gatewise.estimators.resuming import resume_training
from gatewise.estimators.running import errors_naming, write_source
from gatewise.estimators.stored import PREFIX
from gatewise.files import write_whole
from gatewise.metrics.metric import Metric
from gatewise.plots.search import draw_search
from gatewise.tasks.base import AnyTask
from gatewise.tasks.config import merge, resolve
from gatewise.tasks.options import verb_options
from gatewise.tasks.search_space import SearchRange, search_space
from gatewise.training import runs
from gatewise.training.lightning import Lightning
from gatewise.training.search import Search

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna import Study


@dataclass(frozen=True, repr=False)
class Tuned:
    """The result of a search.

    model: the estimator with the best options, fitted; its `comparison_` is on the test set
    table: a row for each trial, the best first: its number, state, metric on the validation set, and options
    folder: of the search, with the folder of each trial under `trials`
    metric: by which trials are ranked
    importances: the importance of each option, of 1 in total; empty if there are too few trials
    """

    model: Estimator
    table: pl.DataFrame
    folder: Path
    metric: Metric
    importances: Mapping[str, float]

    @property
    def best(self) -> dict[str, Any]:
        """The options of the best trial that were varied."""
        row = self.table.row(0, named=True)
        return {name: row[name] for name in self.table.columns[3:] if row[name] is not None}

    @property
    def verdict(self) -> str:
        """The best trial in a sentence."""
        states = self.table["state"]
        pruned, failed = ((states == name).sum() for name in ("pruned", "failed"))
        value = self.metric.format(self.table[self.metric.name][0])
        return (
            f"trial {self.table['trial'][0]} is the best of {len(states)} ({pruned} stopped early, {failed} "
            f"failed), with {self.metric.with_article} of {value} on the validation set"
        )

    def plot(self) -> Figure:
        """Draws the metric of each trial, and how much each option mattered."""
        return draw_search(self.table, self.metric, self.importances)

    def __repr__(self) -> str:
        return f"{self.verdict}\n{self.table.head(10)}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.verdict)}</p>{self.table.head(10)._repr_html_()}"


def tune(
    task: str,
    data: object,
    y: object = None,
    *,
    trials: int = 50,
    minutes: float | None = None,
    sample_weight: object = None,
    groups: object = None,
    layout: Layout = "NTC",
    config: Path | str | None = None,
    out: Path | str | None = None,
    progress: bool = True,
    trainer: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] = (),
    logger: Any = None,
    **options: Any,
) -> Tuned:
    """Trains networks with different options, and scores the best one on the test set.

    Options that are given, here or in `config`, are not varied; the others that have a range are: the cell,
    units, layers, dropout, learning rate, weight decay. Optuna proposes them (its tree-structured Parzen
    estimator; Bergstra et al. 2011), by the results of the trials before. A trial that is worse than the
    median at an epoch is stopped early.

    task: its name: "forecast", "classify", "label", ...
    data, y, sample_weight, groups, layout: as in an estimator's `fit`
    trials: the number of trainings, with those that the folder has already
    minutes: after which no further one begins
    config: a YAML file of options; no Python file that it names is executed
    out: a folder for the search. Called again with it, the search continues; several processes or machines
        may share it. None for a new one under `runs`
    progress: whether notes, progress and results are printed
    trainer, callbacks, logger: of Lightning, as in an estimator, for every training
    options: other options of the task

    Raises: `GatewiseError` if Optuna is not installed (extra `tune`), the folder has another search, or an
        option is not as expected.

    >>> import gatewise
    >>> found = gatewise.tune("forecast", "sales.csv", horizon=12, trials=30)  # doctest: +SKIP
    >>> found.best, found.model.predict()  # doctest: +SKIP
    """
    _check_limits(trials, minutes)
    given = merge(None if config is None else Path(config), options)
    chosen = task_for(task, data, y, given)
    with TemporaryDirectory(prefix=PREFIX) as directory:
        annotations = {"weights": sample_weight, "groups": groups}
        source = write_source(chosen, data, y, annotations, Path(directory), layout)
        with (
            errors_naming(source.path, data, verb_options("train", chosen.options)),
            _folder(out, source.path) as folder,
        ):
            path = _kept(source.path, source.folder, folder)
            fixed = {**given, **source.columns_with(given.get("time")), **options}
            lightning = Lightning(trainer or {}, callbacks, logger)
            search = Search(chosen, path, folder, fixed, _space(chosen, fixed), lightning)
            with reported(progress, verb_options("train", chosen.options)) as callback:
                study, read = search.run(callback, trials, None if minutes is None else 60 * minutes)
    best = resume_training(chosen, search.trial_folder(study.best_trial.number), read, lightning, progress)
    table = _table(study, chosen.selection_metric, search.space)
    write_whole(folder / "trials.csv", table.write_csv)
    return Tuned(best, table, folder, chosen.selection_metric, _importances(study))


def _check_limits(trials: int, minutes: float | None) -> None:
    """Raises: `GatewiseError` if no trial could begin."""
    if trials < 1:
        raise GatewiseError(f"expected trials of at least 1, got {trials}")
    if minutes is not None and not minutes > 0:
        raise GatewiseError(f"expected minutes above 0, got {minutes:g}; leave them out for no limit")


@contextmanager
def _folder(out: Path | str | None, data: Path) -> Iterator[Path]:
    """The folder of the search, by default a new one under `runs`; removed again if no trial began."""
    if out is None:
        folder, made = _new_folder(data)
    else:
        folder = Path(out)
        made = [one for one in (folder, *folder.parents) if not one.exists()]
    if (folder / "run.json").exists():
        raise GatewiseError(f"{str(folder)!r} is the folder of a run; give another --out")
    try:
        yield folder
    except BaseException:
        if made and not (folder / "trials").exists():
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                for parent in made[1:]:
                    parent.rmdir()
        raise


def _new_folder(data: Path) -> tuple[Path, list[Path]]:
    """A new folder under `runs`, which no other process makes too, and the folders that were made for it."""
    names = runs.folder_names("tune", data)
    while True:
        folder = next(names)
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder, made


def _kept(path: Path, temporary: Path, folder: Path) -> Path:
    """The path of the data: a user's file, or a copy of data in memory in the folder of the search."""
    if not path.is_relative_to(temporary):
        return path
    copy = folder / runs.OWN_DATA
    if not copy.exists():
        shutil.copytree(temporary, copy)
    return copy / path.relative_to(temporary)


def _space(task: AnyTask, fixed: Mapping[str, Any]) -> dict[str, SearchRange]:
    """The ranges of the options that are not fixed, and the cells of the task."""
    space = search_space(task.options, fixed)
    options = resolve(verb_options("train", task.options), None, dict(fixed))
    if "cell" not in fixed:
        space["cell"] = SearchRange(choices=tuple(task.cells(options)))
    return space


def _table(study: Study, metric: Metric, space: Mapping[str, SearchRange]) -> pl.DataFrame:
    """A row for each trial, the best first."""
    names = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
    rows = [
        {
            "trial": trial.number + 1,
            "state": names.get(trial.state.name, trial.state.name.lower()),
            metric.name: metric.cost(trial.values[0]) if trial.state.name == "COMPLETE" else None,
            **{name: trial.params.get(name) for name in space},
        }
        for trial in study.trials
        if trial.state.name != "WAITING"
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.sort(metric.name, descending=metric.higher_is_better, nulls_last=True, maintain_order=True)


def _importances(study: Study) -> dict[str, float]:
    """The importance of each option, as Optuna computes it; empty if there are too few trials."""
    from optuna.importance import get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of options that few trials have
        try:
            return dict(get_param_importances(study))
        except (RuntimeError, ValueError):  # fewer than two trials, or all alike
            return {}
