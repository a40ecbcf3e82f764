"""What was measured, row by row, and the file that it lies in."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import geometric_mean

from gatewise.errors import GatewiseError
from gatewise.files import write_whole

OURS, TORCH, BEST = "gatewise", "torch.nn", "the best competitor"


@dataclass(frozen=True)
class Row:
    """One candidate's time for one cell, shape and pass, as a row of the file.

    spread: the slowest turn minus the fastest, as a fraction of the median
    share: the fraction of the float32 peak
    ratio: how many times as fast as `beside`: torch.nn, or the fastest competitor where that has no such cell
    kept: megabytes held between forward and backward
    """

    malloc: str
    dtype: str
    cell: str
    shape: str
    passes: str
    who: str
    milliseconds: float
    spread: float
    gflops: float
    share: float | None = None
    ratio: float | None = None
    beside: str | None = None
    kept: float | None = None


def write(rows: Iterable[Row], path: Path) -> None:
    """Writes all rows, or leaves what was there."""

    def fill(partial: Path) -> None:
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [one.name for one in fields(Row)])
            writer.writeheader()
            writer.writerows({key: _rounded(value) for key, value in asdict(row).items()} for row in rows)

    write_whole(path, fill)


def read(path: Path) -> list[Row]:
    """The rows of a file that `write` wrote; none where there is no file.

    Raises: `GatewiseError` if the file is another one.
    """
    if not path.exists():
        return []
    numbers = {one.name for one in fields(Row) if "float" in str(one.type)}
    names = [one.name for one in fields(Row)]
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != names:
            raise GatewiseError(
                f"expected {path} as a table with columns {','.join(names)}; give another --out"
            )
        return [
            Row(**{key: _value(text, key in numbers) for key, text in line.items()})  # type: ignore[arg-type]
            for line in reader
        ]


@dataclass(frozen=True)
class Summary:
    """How many times as fast as others gatewise is at a cell and pass: geometric means over the shapes.

    beside: for torch.nn, for the best competitor at each shape and for every competitor
    worst: the smallest ratio to torch.nn (to the best competitor where that has no such cell), and its shape
    """

    cell: str
    passes: str
    beside: dict[str, float]
    worst: float
    worst_shape: str


def summary(rows: Sequence[Row]) -> list[Summary]:
    """The summary of each cell and pass that gatewise and a competitor both ran.

    >>> mine = Row("default", "float32", "LSTM", "1x2x3x4", "both", "gatewise", 2.0, 0.0, 1.0)
    >>> theirs = Row("default", "float32", "LSTM", "1x2x3x4", "both", "torch.nn", 3.0, 0.0, 1.0)
    >>> summary([mine, theirs])[0].beside
    {'torch.nn': 1.5, 'the best competitor': 1.5}
    """
    found = []
    for cell, passes in dict.fromkeys((row.cell, row.passes) for row in rows):
        own = [row for row in rows if (row.cell, row.passes) == (cell, passes)]
        ratios = _ratios(own)
        if ratios:
            worst = min((ratios.get(TORCH) or ratios[BEST]).items(), key=lambda one: one[1])
            means = {who: geometric_mean(by_shape.values()) for who, by_shape in ratios.items()}
            found.append(Summary(cell, passes, means, worst[1], worst[0]))
    return found


def beside(rows: Sequence[Row]) -> Row | None:
    """Of the rows of one cell, shape and pass, the one that the others are compared with."""
    competitors = [row for row in rows if not row.who.startswith(OURS)] or [
        row for row in rows if row.who == f"{OURS} float32"
    ]
    named = (row for row in competitors if row.who == TORCH)
    return next(named, min(competitors, key=lambda row: row.milliseconds, default=None))


def _ratios(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """For each competitor, and for the best one, the ratio at each shape."""
    found: dict[str, dict[str, float]] = {}
    for shape in dict.fromkeys(row.shape for row in rows):
        times = {row.who: row.milliseconds for row in rows if row.shape == shape}
        mine = times.pop(OURS, None)
        if mine is None or not times:
            continue
        competitors = [time for who, time in times.items() if not who.startswith(OURS)]
        named = times | ({BEST: min(competitors)} if competitors else {})
        for who, time in named.items():
            found.setdefault(who, {})[shape] = time / mine
    first = [who for who in (TORCH, BEST) if who in found]
    return {who: found[who] for who in [*first, *(who for who in found if who not in first)]}


def _rounded(value: object) -> object:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _value(text: str, number: bool) -> str | float | None:
    if text == "":
        return None
    return float(text) if number else text
