"""The progress of a training, whose messages name options as the user gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gatewise.estimators.keywords import as_given
from gatewise.metrics.metric import Metric
from gatewise.tasks.comparison import AnyResult
from gatewise.tasks.options import Options
from gatewise.training.progress import progress
from gatewise.training.runner import ProgressCallback


@contextmanager
def reported(shown: bool, options: type[Options]) -> Iterator[ProgressCallback]:
    """The callback of a training, see `progress`. options: those that notes and warnings name"""
    with progress(shown) as callback:
        yield OptionsAsGiven(callback, options)


class OptionsAsGiven:
    """Passes everything on to a callback, notes and warnings as by `as_given`."""

    def __init__(self, callback: ProgressCallback, options: type[Options]) -> None:
        self._callback, self._options = callback, options

    def notes(self, lines: Sequence[str]) -> None:
        self._callback.notes([as_given(line, self._options) for line in lines])

    def begin(self, name: str) -> None:
        self._callback.begin(name)

    def progress(self, fraction: float, message: str) -> None:
        self._callback.progress(fraction, message)

    def preview(self, text: str) -> None:
        self._callback.preview(text)

    def warn(self, sentence: str) -> None:
        self._callback.warn(as_given(sentence, self._options))

    def finish(self, result: AnyResult, metric: Metric) -> None:
        self._callback.finish(result, metric)
