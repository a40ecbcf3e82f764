"""How a contest is shown while it runs, and what came out of it."""

from __future__ import annotations

from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gatewise.training.contest import Contest, Entry
from gatewise.training.processes import is_first

console = Console(highlight=False, markup=False, soft_wrap=True, quiet=not is_first())


class Bar:
    """A bar for the contender that is being trained; a line for each that is done."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.fields[name]:<18}"),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, name="")

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, name: str) -> None:
        self._bar.reset(self._task, total=1.0, name=name, description="getting ready")

    def progress(self, share: float, message: str) -> None:
        self._bar.update(self._task, completed=share, description=message)

    def finish(self, entry: Entry) -> None:
        console.print(f"  {entry.name:<18} MASE {entry.scores.mase:.3f}   {_duration(entry.seconds)}")


def leaderboard(contest: Contest) -> Table:
    """The entries as a table of 80 columns, the best first; baselines are marked and dimmed."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("model", "MASE", "sMAPE", "RMSE", "pinball", "80% in", "weights", "time"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    for entry in contest.entries:
        scores = entry.scores
        spread = f"±{entry.spread:.3f}" if entry.trainings > 1 else " " * 6
        table.add_row(
            entry.name + " *" * entry.baseline,
            f"{scores.mase:.3f} {spread}",
            f"{scores.smape:.1%}",
            f"{scores.rmse:.4g}",
            f"{scores.pinball:.4g}",
            f"{scores.coverage:.0%}",
            f"{entry.parameters:,}",
            _duration(entry.seconds),
            style="dim" if entry.baseline else None,
        )
    table.caption = (
        "* a baseline; 80% in: how often the truth lay in the 80% interval; MASE: the error against "
        f"that of repeating the value of {contest.data.plan.period} steps ago, in the training part"
    )
    table.caption_justify = "left"
    return table


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s" if seconds >= 0.05 else ""
