"""The results that made the LSTM (1997 to 2002): its synthetic problems, by today's cells and training.

The papers: Hochreiter and Schmidhuber 1997 (embedded Reber grammar, long lags, adding, multiplication,
temporal order); Gers, Schmidhuber and Cummins 2000 (continual strings); Gers and Schmidhuber 2001 (languages
that count); Gers, Schraudolph and Schmidhuber 2002 (timing); Arjovsky et al. 2016 and Jing et al. 2019
(copying). The problems are as published: `gatewise.insight.problems` defines them, `classics_trials.py` the
criteria of success.

Ours: one layer of a cell and a linear readout, trained on batches by Adam, with the whole gradient clipped to
a norm of 1; the papers trained tiny networks on one sequence after the other, by gradient descent with a
truncated gradient, and chose the biases of gates for each problem. The initial bias of the gate that carries
the state (the forget gate, the update gate of a GRU) is 5 for problems with long lags, as that of the forget
gate in Gers et al. 2000, and 8 for lags of 500 and more. All cells have the same settings and the same
budget, in sequences and in minutes of processor time. Sequences are counted up to the criterion, with those
of the criterion's streak.

Each training is written to the file of results when it ends; a second call runs those that are missing.

    python benchmarks/published/classics.py                               # everything that the table has
    python benchmarks/published/classics.py --only adding-500 adding-1000  # longer lags
    python benchmarks/published/classics.py --table yes                   # the results so far, as Markdown
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from classics_trials import AtEnd, Budget, Copying, Counting, ReberStream, ReberStrings, Spikes, Trial, run
from experiment import arguments, record

from gatewise.cells import find_cell
from gatewise.insight.problems import copying, of_1997, spikes

LONG = {"units": 16, "rows": 20, "forget_bias": 5.0}


@dataclass(frozen=True)
class Classic:
    """A problem with its published result, and how it is trained here.

    make: a new trial, of a cell and a source of random numbers
    falls: whether the learning rate falls in the second half of the budget
    cells: the names of the cells that are compared
    """

    title: str
    paper: str
    make: Callable[..., Trial]
    rate: float
    budget: Budget
    cells: tuple[str, ...] = ("lstm", "gru", "rnn")
    falls: bool = False


def at_end(draw: Callable[..., Any], *which: int, **criterion: Any) -> Callable[..., Trial]:
    """A trial of a problem of 1997; `which` are the first arguments of `draw`."""
    return partial(AtEnd, draw=partial(draw, *which), **{**LONG, **criterion})


def timed(draw: Callable[..., Any], period: int) -> Callable[..., Trial]:
    """A trial of spikes that are `period` or `period` + 1 steps apart."""
    return partial(Spikes, draw=partial(draw, period, 1), units=8, rows=20, spikes=10)


ADDING = {"tolerance": 0.04, "mean_error": 0.01}
ORDER = {"tolerance": 0.3, "mean_error": 0.1}
WITH_PEEPHOLES = ("peephole", "lstm", "gru", "rnn")
PROBLEMS = {
    "reber": Classic(
        "embedded Reber grammar, 256 strings",
        "8,440 to 39,740 sequences; 97 to 100% succeed",
        partial(ReberStrings, units=12, rows=16), 0.01, Budget(60_000, 0.4),
    ),
    "order-2": Classic(
        "temporal order, 2 symbols (6a)", "31,390 sequences; 1 of 2,560 wrong",
        at_end(of_1997.temporal_order, 2, **ORDER), 0.01, Budget(100_000, 0.5),
    ),
    "adding-100": Classic(
        "adding, T = 100", "74,000 sequences; 1 of 2,560 wrong",
        at_end(of_1997.adding, 100, **ADDING), 0.005, Budget(250_000, 1.4), falls=True,
    ),
    "stream": Classic(
        "continual embedded Reber grammar",
        "forget gates: 18% succeed, 62% with a falling rate; the cell of 1997: never",
        partial(ReberStream, units=16, rows=8), 0.005, Budget(4_000_000, 4.0),
        ("lstm", "lstm1997", "gru", "rnn"), falls=True,
    ),
    "count-2": Classic(
        "a^n b^n, trained to n = 10", "peepholes generalize far, at best to n = 1,000",
        partial(Counting, letters=2, units=4), 0.003, Budget(80_000, 1.0), WITH_PEEPHOLES,
    ),
    "count-3": Classic(
        "a^n b^n c^n, trained to n = 10", "peepholes generalize far beyond training",
        partial(Counting, letters=3, units=4), 0.003, Budget(80_000, 1.0), WITH_PEEPHOLES,
    ),
    "copy-20": Classic(
        "copy memory, lag 20", "no figure at this lag",
        partial(Copying, draw=copying.copy_memory, lag=20, units=64, rows=32), 0.003, Budget(300_000, 1.5),
    ),
    "selective-20": Classic(
        "selective copying, lag 20", "no figure at this lag",
        partial(Copying, draw=copying.selective_copying, lag=20, units=64, rows=32), 0.003,
        Budget(300_000, 1.5),
    ),
    "multiplication": Classic(
        "multiplication, T = 100", "482,000 sequences to 140 of 2,000 wrong; 139 of 2,560 wrong",
        partial(at_end(of_1997.multiplication, 100, tolerance=0.04, wrong=139), units=64), 0.003,
        Budget(300_000, 3.0), falls=True,
    ),
    "lag-100": Classic(
        "long lag without regularities (2b), p = 100", "5,680 sequences",
        at_end(of_1997.random_between, 100, tolerance=0.25, streak=10_000), 0.003, Budget(60_000, 0.4),
    ),
    "noisy-lag-50": Classic(
        "long lag with noise (2c), p = q = 50", "30,000 sequences",
        at_end(of_1997.long_lag, 50, 50, tolerance=0.2, streak=10_000), 0.003, Budget(60_000, 0.4),
    ),
    "measure": Classic(
        "measuring spike delays, F = 10", "solved with and without peepholes",
        timed(spikes.measured_delays, 10), 0.01, Budget(100_000, 0.3), WITH_PEEPHOLES,
    ),
    "generate": Classic(
        "generating timed spikes, F = 10", "solved with peepholes; not shown without",
        timed(spikes.generated_spikes, 10), 0.01, Budget(100_000, 0.3), WITH_PEEPHOLES,
    ),
    "order-3": Classic(
        "temporal order, 3 symbols (6b)", "571,100 sequences; 2 of 2,560 wrong",
        at_end(of_1997.temporal_order, 3, **ORDER), 0.01, Budget(250_000, 1.0),
    ),
    "adding-500": Classic(
        "adding, T = 500", "209,000 sequences; 0 of 2,560 wrong",
        at_end(of_1997.adding, 500, forget_bias=8.0, **ADDING), 0.005, Budget(300_000, 10.0), falls=True,
    ),
    "adding-1000": Classic(
        "adding, T = 1000", "853,000 sequences; 1 of 2,560 wrong",
        at_end(of_1997.adding, 1000, forget_bias=8.0, **ADDING), 0.005, Budget(300_000, 20.0), falls=True,
    ),
}  # fmt: skip
EXPENSIVE = ("adding-500", "adding-1000")
CELLS = ["lstm", "gru", "rnn", "peephole", "lstm1997"]


def measure(classic: Classic, cell: str, seed: int) -> dict[str, Any]:
    """One training of one cell."""
    torch.manual_seed(seed)
    trial = classic.make(find_cell(cell), torch.Generator().manual_seed(seed))
    return run(trial, classic.rate, classic.budget, classic.falls)


def table(runs: dict[str, dict[str, Any]]) -> str:
    """The results as a table in Markdown, a row for each problem and cell."""
    rows = [
        "| problem | paper | cell | solved | sequences | at the end | minutes |",
        "| --- |" + " --- |" * 6,
    ]
    for name, classic in PROBLEMS.items():
        paper = (classic.title, classic.paper)
        for cell in classic.cells:
            own = [one for key, one in runs.items() if key.startswith(f"{name} {cell} ")]
            if own:
                rows.append("| " + " | ".join([*paper, find_cell(cell).__name__, *summary(own)]) + " |")
                paper = ("", "")
    return "\n".join(rows)


def summary(runs: list[dict[str, Any]]) -> list[str]:
    """How many trainings solved it, after how many sequences, with what scores, in how many minutes each."""
    solved = [one for one in runs if one["solved"]]
    counts = [one.get("sequences to accept", one["sequences"]) for one in solved]
    longest = max(one["sequences"] for one in runs)
    listed = ", ".join(f"{count:,}" for count in sorted(counts)) or f"not in {longest:,}"
    return [
        f"{len(solved)} of {len(runs)}",
        listed,
        scored(runs),
        f"{mean(one['minutes'] for one in runs):.1f}",
    ]


def scored(runs: list[dict[str, Any]]) -> str:
    """The score that counts, of each seed."""

    def each(name: str, form: str = ",") -> str:
        return ", ".join(f"{one[name]:{form}}" for one in runs)

    first = runs[0]
    if "largest n" in first:
        return f"to n = {each('largest n')}; at best {each('largest n of any check')}"
    if "test symbols to the first error" in first:
        return f"symbols to the first error: {each('test symbols to the first error', ',.0f')}"
    if "test loss" in first:
        memoryless, right = first["memoryless loss"], each("symbols right", ".1%")
        return f"loss {each('test loss', '.4f')} (memoryless {memoryless:.4f}); {right} of symbols"
    if "test steps wrong" in first:
        return f"wrong: {each('test steps wrong')} of {first['test steps']:,} steps"
    return f"wrong: {each('test wrong')} of {first.get('test strings', 2560):,}"


def measured_before(path: Path) -> dict[str, dict[str, Any]]:
    """The trainings in a file of results."""
    return json.loads(path.read_text())["measured"] if path.is_file() else {}


def run_missing(of: Namespace) -> None:
    """Runs every training that the file of results lacks, and writes the file after each."""
    runs = measured_before(of.out / "classics.json")
    for seed, name in product(range(of.seed, of.seed + of.seeds), of.only):
        for cell in (cell for cell in PROBLEMS[name].cells if cell in of.cells):
            key = f"{name} {cell} {seed}"
            if key not in runs:
                runs[key] = measure(PROBLEMS[name], cell, seed)
                print(key, runs[key], flush=True)
                write(of.out, runs)


def write(out: Path, runs: dict[str, dict[str, Any]]) -> None:
    """Writes all trainings so far, with the settings of their problems."""
    shown = {key.split()[0]: PROBLEMS[key.split()[0]] for key in runs}
    settings = {
        name: {"rate": one.rate, "falls": one.falls, **asdict(one.budget)} for name, one in shown.items()
    }
    papers = "; ".join(f"{one.title}: {one.paper}" for one in shown.values())
    minutes = sum(one["minutes"] for one in runs.values())
    record("classics", Namespace(out=out, **settings), papers, runs, minutes)


if __name__ == "__main__":
    affordable = [name for name in PROBLEMS if name not in EXPENSIVE]
    settings = arguments(__doc__, only=affordable, cells=CELLS, seeds=3, table="")
    if settings.table:
        print(table(measured_before(settings.out / "classics.json")))
    else:
        del settings.table
        run_missing(settings)
