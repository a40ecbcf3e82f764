"""The progress of a training in a notebook: a line with a bar, updated in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, cast

from gatewise.metrics.metric import Metric
from gatewise.tasks.comparison import AnyResult

STEP = 0.01  # of the fraction done, between two updates


class NotebookProgressBar:
    """A bar for the current candidate, above it a line for each finished one.

    rewrite: of notes and warnings
    """

    def __init__(self, rewrite: Callable[[str], str] = str) -> None:
        from IPython import display

        self._html = cast(Any, display.HTML)
        show: Any = display.display
        self._handle = show(self._html(""), display_id=True)
        self._rewrite = rewrite
        self._name, self._fraction = "", 0.0
        self._lines: list[str] = []

    def notes(self, lines: Sequence[str]) -> None:
        self._lines += map(self._rewrite, lines)
        self._show("")

    def begin(self, name: str) -> None:
        self._name, self._fraction = name, 0.0
        self._show("starting")

    def progress(self, fraction: float, message: str) -> None:
        if fraction >= self._fraction + STEP or fraction >= 1:
            self._fraction = fraction
            self._show(message)

    def preview(self, text: str) -> None:
        self._show(text)

    def warn(self, sentence: str) -> None:
        self._lines.append(f"{self._name}: {self._rewrite(sentence)}")
        self._show("")

    def finish(self, result: AnyResult, metric: Metric) -> None:
        self._lines.append(f"{result.name}: {metric.title} {metric.format(result.scores[metric.name])}")
        self._show("")

    def close(self) -> None:
        """Removes the bar and leaves the lines."""
        self._handle.update(self._html("<br>".join(map(escape, self._lines))))

    def _show(self, message: str) -> None:
        bar = f'{escape(self._name)} <progress value="{self._fraction:.3f}"></progress> {escape(message)}'
        self._handle.update(self._html("<br>".join([*map(escape, self._lines), bar])))
