"""The measurements, row by row, and their file."""

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
    """One candidate's time for one case and pass, as a row of the file.

    relative_range: the slowest turn minus the fastest, as a fraction of the median
    peak_fraction: gflops as a fraction of the float32 peak; None for other dtypes, and if the peak is unknown
    ratio: the speedup over `compared_with`: torch.nn, or the fastest competitor if that has no such cell
    saved_mb: megabytes saved between forward and backward
    """

    malloc: str
    dtype: str
    cell: str
    shape: str
    workload: str
    passes: str
    library: str
    milliseconds: float
    relative_range: float
    gflops: float
    peak_fraction: float | None = None
    ratio: float | None = None
    compared_with: str | None = None
    saved_mb: float | None = None


def write(rows: Iterable[Row], path: Path) -> None:
    """Writes all rows, atomically."""

    def fill(partial: Path) -> None:
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [one.name for one in fields(Row)])
            writer.writeheader()
            writer.writerows({key: _rounded(value) for key, value in asdict(row).items()} for row in rows)

    write_whole(path, fill)


def read(path: Path) -> list[Row]:
    """The rows of a file of `write`; none if there is no file.

    Raises: `GatewiseError` if the file has other columns.
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
    """The speedup of gatewise at a cell, workload and pass: geometric means over the shapes.

    ratios: to torch.nn, to the best competitor at each shape, and to every competitor
    worst: the smallest ratio to torch.nn (to the best competitor if that has no such cell), and its shape
    """

    cell: str
    workload: str
    passes: str
    ratios: dict[str, float]
    worst: float
    worst_shape: str


def summary(rows: Sequence[Row]) -> list[Summary]:
    """The summary of each cell, workload and pass that gatewise and a competitor both ran.

    >>> mine = Row("keep", "float32", "LSTM", "1x2x3x4", "all-steps", "both", "gatewise", 2.0, 0.0, 1.0)
    >>> theirs = Row("keep", "float32", "LSTM", "1x2x3x4", "all-steps", "both", "torch.nn", 3.0, 0.0, 1.0)
    >>> summary([mine, theirs])[0].ratios
    {'torch.nn': 1.5, 'the best competitor': 1.5}
    """
    found = []
    for kind in dict.fromkeys((row.cell, row.workload, row.passes) for row in rows):
        own = [row for row in rows if (row.cell, row.workload, row.passes) == kind]
        ratios = _ratios(own)
        if ratios:
            worst = min((ratios.get(TORCH) or ratios[BEST]).items(), key=lambda one: one[1])
            means = {name: geometric_mean(by_shape.values()) for name, by_shape in ratios.items()}
            found.append(Summary(*kind, means, worst[1], worst[0]))
    return found


def reference_row(rows: Sequence[Row]) -> Row | None:
    """The row that the others of the same case and pass are compared with."""
    competitors = [row for row in rows if not row.library.startswith(OURS)] or [
        row for row in rows if row.library == f"{OURS} float32"
    ]
    named = (row for row in competitors if row.library == TORCH)
    return next(named, min(competitors, key=lambda row: row.milliseconds, default=None))


def _ratios(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """For each competitor, and for the best one, the ratio at each shape."""
    found: dict[str, dict[str, float]] = {}
    for shape in dict.fromkeys(row.shape for row in rows):
        times = {row.library: row.milliseconds for row in rows if row.shape == shape}
        mine = times.pop(OURS, None)
        if mine is None or not times:
            continue
        competitors = [time for name, time in times.items() if not name.startswith(OURS)]
        named = times | ({BEST: min(competitors)} if competitors else {})
        for name, time in named.items():
            found.setdefault(name, {})[shape] = time / mine
    first = [name for name in (TORCH, BEST) if name in found]
    return {name: found[name] for name in [*first, *(name for name in found if name not in first)]}


def _rounded(value: object) -> object:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _value(text: str, number: bool) -> str | float | None:
    if text == "":
        return None
    return float(text) if number else text
