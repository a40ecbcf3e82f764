"""The progress bar of a training, in a terminal and in a notebook."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gatewise.metrics.metric import Metric
from gatewise.notebook import is_notebook
from gatewise.tasks.comparison import AnyResult
from gatewise.terminal import console, duration, printable
from gatewise.training.notebook_progress import NotebookProgressBar
from gatewise.training.runner import ProgressCallback

Rewrite = Callable[[str], str]


@contextmanager
def progress(shown: bool, rewrite: Rewrite = str) -> Iterator[ProgressCallback]:
    """The callback of a training: a progress bar, or one that shows only warnings.

    rewrite: of each note and warning, before it is shown
    """
    if not shown:
        yield SilentProgress(rewrite)
    elif is_notebook():
        notebook = NotebookProgressBar(rewrite)
        try:
            yield notebook
        finally:
            notebook.close()
    else:
        with ProgressBar(rewrite) as bar:
            yield bar


class SilentProgress:
    """Shows only warnings. rewrite: of each"""

    def __init__(self, rewrite: Rewrite = str) -> None:
        self._rewrite = rewrite

    def notes(self, lines: Sequence[str]) -> None: ...

    def begin(self, name: str) -> None: ...

    def progress(self, fraction: float, message: str) -> None: ...

    def preview(self, text: str) -> None: ...

    def warn(self, sentence: str) -> None:
        warnings.warn(self._rewrite(sentence), stacklevel=2)

    def finish(self, result: AnyResult, metric: Metric) -> None: ...


class ProgressOnly:
    """Passes the progress of a training on, but not its candidates and scores."""

    def __init__(self, callback: ProgressCallback) -> None:
        self._callback = callback

    def notes(self, lines: Sequence[str]) -> None: ...

    def begin(self, name: str) -> None: ...

    def progress(self, fraction: float, message: str) -> None:
        self._callback.progress(fraction, message)

    def preview(self, text: str) -> None: ...

    def warn(self, sentence: str) -> None:
        self._callback.warn(sentence)

    def finish(self, result: AnyResult, metric: Metric) -> None: ...


class ProgressBar:
    """A bar for the current candidate, shown from the first one on, and a line for each finished one.

    rewrite: of notes and warnings
    """

    def __init__(self, rewrite: Rewrite = str) -> None:
        self._rewrite = rewrite
        self._bar = Progress(
            TextColumn("{task.fields[name]:<18}", markup=False),
            BarColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, name="")
        self._name = ""

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar.live.is_started:  # else it would print an empty line
            self._bar.stop()

    def notes(self, lines: Sequence[str]) -> None:
        for line in lines:
            console.print(self._rewrite(line))

    def begin(self, name: str) -> None:
        self._name = name
        self._bar.start()
        self._bar.reset(self._task, total=1.0, name=printable(name), description="starting")

    def progress(self, fraction: float, message: str) -> None:
        self._bar.update(self._task, completed=fraction, description=message)

    def preview(self, text: str) -> None:
        console.print(text, style="dim")

    def warn(self, sentence: str) -> None:
        console.print(f"{self._name}: {self._rewrite(sentence)}", style="yellow")

    def finish(self, result: AnyResult, metric: Metric) -> None:
        score = f"{metric.title} {metric.format(result.scores[metric.name])}"
        console.print(f"  {result.name:<18} {score}   {duration(result.seconds)}")
