"""The progress bar of a training, in a terminal and in a notebook."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gatewise.metrics.metric import Metric
from gatewise.notebook import is_notebook
from gatewise.processes import is_first
from gatewise.tasks.comparison import Result
from gatewise.terminal import Terminal, printable
from gatewise.training.notebook_progress import NotebookBar
from gatewise.training.runner import ProgressCallback

console = Terminal(soft_wrap=True, quiet=not is_first())


@contextmanager
def progress(shown: bool) -> Iterator[ProgressCallback]:
    """The callback of a training: a bar, or nothing at all."""
    if not shown:
        yield Silent()
    elif is_notebook():
        notebook = NotebookBar()
        try:
            yield notebook
        finally:
            notebook.close()
    else:
        with Bar() as bar:
            yield bar


class Silent:
    """Shows nothing but warnings."""

    def notes(self, lines: Sequence[str]) -> None: ...

    def begin(self, name: str) -> None: ...

    def progress(self, share: float, message: str) -> None: ...

    def preview(self, text: str) -> None: ...

    def warn(self, sentence: str) -> None:
        warnings.warn(sentence, stacklevel=2)

    def finish(self, result: Result, metric: Metric) -> None: ...


class Bar:
    """A bar for the candidate that is being trained; a line for each that is done."""

    def __init__(self) -> None:
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

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def notes(self, lines: Sequence[str]) -> None:
        for line in lines:
            console.print(line)

    def begin(self, name: str) -> None:
        self._name = name
        self._bar.reset(self._task, total=1.0, name=printable(name), description="getting ready")

    def progress(self, share: float, message: str) -> None:
        self._bar.update(self._task, completed=share, description=message)

    def preview(self, text: str) -> None:
        console.print(text, style="dim")

    def warn(self, sentence: str) -> None:
        console.print(f"{self._name}: {sentence}", style="yellow")

    def finish(self, result: Result, metric: Metric) -> None:
        told = f"{metric.title} {metric.said(result.scores[metric.name])}"
        console.print(f"  {result.name:<18} {told}   {_duration(result.seconds)}")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s" if seconds >= 0.05 else ""
