"""What a state can follow: parity, a counter, and symbols to remember; cells side by side.

The papers: Beck et al. 2024 (xLSTM: memory mixing, which the sLSTM has and the mLSTM lacks, solves parity);
Merrill, Petty and Sabharwal 2024 (The illusion of state: a step that is linear, with factors of the input
only, follows no parity); Gers and Schmidhuber 2001 (a^n b^n); Feng et al. 2024 (selective copying by stacked
minGRU).

Ours: two blocks of a cell and a feed-forward network, each after a layer normalization and added to its
input, the same for every cell; Adam, one budget for all; a training ends early when it makes no errors. The
parity is wanted at every step of strings of 2 to 40 bits, and scored at the last step of strings up to 16
times as long. Strings a^n b^n are trained to n = 20. Ten symbols among 30 are copied, and are scored among up
to 120. The rate of parity was chosen in trials of seconds on the LSTM and the sLSTM, no other.

    python benchmarks/published/state_tracking.py               # trains what the file of results lacks
    python benchmarks/published/state_tracking.py --table yes   # the results so far, as Markdown
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from argparse import Namespace
from itertools import product
from typing import Any

import torch
from experiment import arguments, parameters_of, record, train
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells import find_cell
from gatewise.insight.problems.copying import COPIED, selective_copying
from gatewise.insight.problems.counting import counted_strings
from gatewise.layers import Recurrent

PAPERS = "the sLSTM solves parity, the mLSTM does not; selective copying by three layers of minGRU: 99.5%"
CELLS = ["lstm", "gru", "slstm", "mlstm", "mingru", "rglru", "lru", "hgrn2"]
HEADS = {"mlstm": 2, "hgrn2": 2}
TEST_SEED = 1_000_000


class Block(nn.Module):
    """A cell along the steps and a network at each, after layer normalization and added to their inputs."""

    def __init__(self, cell: str, units: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(units), nn.LayerNorm(units)
        self.layer = Recurrent(find_cell(cell), units, units, heads=HEADS.get(cell, 1))
        self.network = nn.Sequential(nn.Linear(units, 2 * units), nn.GELU(), nn.Linear(2 * units, units))

    def forward(self, read: Tensor) -> Tensor:
        read = read + self.layer(self.first(read))[0]
        return read + self.network(self.second(read))


class Network(nn.Sequential):
    """Outputs [T, B, K] for symbols [T, B, V]."""

    def __init__(self, cell: str, symbols: int, units: int, outputs: int) -> None:
        super().__init__(
            nn.Linear(symbols, units), Block(cell, units), Block(cell, units), nn.LayerNorm(units),
            nn.Linear(units, outputs),
        )  # fmt: skip


class Problem(ABC):
    """What is learned: the next batch, and scores on new sequences."""

    symbols: int
    outputs: int

    @abstractmethod
    def loss(self, network: nn.Module, random: torch.Generator) -> tuple[Tensor, float]:
        """The loss on the next batch, and the fraction of outputs that are right."""

    @abstractmethod
    def scores(self, network: nn.Module) -> dict[str, float]:
        """By name, with lengths beyond those of the training."""


class Parity(Problem):
    """Whether the number of ones so far is odd, at every step."""

    symbols = outputs = 2
    longest, rows, tested = 40, 32, (40, 160, 640)

    def draw(self, steps: int, rows: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Strings [T, B, 2], and the classes of all steps [T, B]."""
        bits = torch.randint(2, (steps, rows), generator=random)
        return functional.one_hot(bits, 2).float(), bits.cumsum(0) % 2

    def loss(self, network: nn.Module, random: torch.Generator) -> tuple[Tensor, float]:
        steps = int(torch.randint(2, self.longest + 1, (1,), generator=random))
        read, odd = self.draw(steps, self.rows, random)
        logits = network(read)
        right = (logits.detach().argmax(-1) == odd).float().mean().item()
        return functional.cross_entropy(logits.flatten(0, 1), odd.flatten()), right

    def scores(self, network: nn.Module) -> dict[str, float]:
        found = {}
        for steps in self.tested:
            read, odd = self.draw(steps, 500, torch.Generator().manual_seed(TEST_SEED))
            found[f"right at step {steps}"] = (network(read)[-1].argmax(-1) == odd[-1]).float().mean().item()
        return found


class Counter(Problem):
    """Which symbols may follow in a^n b^n; a string is accepted if this is right at every step."""

    symbols = outputs = 4
    trained, longest = 20, 500

    def loss(self, network: nn.Module, random: torch.Generator) -> tuple[Tensor, float]:
        read, follows, counted = counted_strings(2, range(1, self.trained + 1))
        output = network(read)
        right = ((output.detach() > 0) == (follows > 0))[counted].all(-1).float().mean().item()
        return functional.binary_cross_entropy_with_logits(output[counted], follows[counted]), right

    def scores(self, network: nn.Module) -> dict[str, float]:
        for first in range(1, self.longest, 50):
            read, follows, counted = counted_strings(2, range(first, first + 50))
            accepted = (((network(read) > 0) == (follows > 0)).all(-1) | ~counted).all(0)
            if not accepted.all():
                return {"largest n": first - 1 + int(accepted.int().argmin())}
        return {"largest n": self.longest}


class Copying(Problem):
    """Ten symbols among blanks, to be repeated."""

    symbols = outputs = 10
    rows, among, tested = 32, 30, (30, 60, 120)

    def draw(self, among: int, rows: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """What is read, and the classes of the ten symbols that are wanted."""
        read, wanted, _ = selective_copying(among - COPIED + 1, rows, random)
        return read, wanted[-COPIED:].argmax(-1)

    def loss(self, network: nn.Module, random: torch.Generator) -> tuple[Tensor, float]:
        read, wanted = self.draw(self.among, self.rows, random)
        logits = network(read)[-COPIED:]
        right = (logits.detach().argmax(-1) == wanted).float().mean().item()
        return functional.cross_entropy(logits.flatten(0, 1), wanted.flatten()), right

    def scores(self, network: nn.Module) -> dict[str, float]:
        found = {}
        for among in self.tested:
            read, wanted = self.draw(among, 500, torch.Generator().manual_seed(TEST_SEED))
            right = network(read)[-COPIED:].argmax(-1) == wanted
            found[f"right among {among}"] = right.float().mean().item()
        return found


PROBLEMS: dict[str, Problem] = {"parity": Parity(), "counter": Counter(), "copying": Copying()}
BUDGETS = {
    "parity": {"steps": 1000, "rate": 0.01},
    "counter": {"steps": 600, "rate": 0.01},
    "copying": {"steps": 1200, "rate": 0.005},
}


def measure(name: str, cell: str, seed: int, units: int) -> dict[str, Any]:
    """One training."""
    problem = PROBLEMS[name]
    torch.manual_seed(seed)
    network, random = Network(cell, problem.symbols, units, problem.outputs), torch.Generator()
    random.manual_seed(seed)
    found = train(
        f"{name} {cell} {seed}", network.parameters(), lambda: problem.loss(network, random),
        enough=0.99999, **BUDGETS[name],
    )  # fmt: skip
    with torch.no_grad():
        return problem.scores(network) | found | {"parameters": parameters_of(network)}


def table(runs: dict[str, dict[str, Any]]) -> str:
    """The scores of each seed as a table in Markdown, a row for each cell."""
    rows = ["| cell |" + "".join(f" {name} |" for name in PROBLEMS), "| --- |" + " --- |" * len(PROBLEMS)]
    for cell in CELLS:
        found = [[one for key, one in runs.items() if key.startswith(f"{name} {cell} ")] for name in PROBLEMS]
        rows.append(f"| {find_cell(cell).__name__} | " + " | ".join(map(scored, found)) + " |")
    return "\n".join(rows)


def scored(runs: list[dict[str, Any]]) -> str:
    """The mean of each score over the seeds; the largest n of each seed."""
    if runs and "largest n" in runs[0]:
        return ", ".join(str(one["largest n"]) for one in runs)
    names = [name for name in (runs[0] if runs else ()) if name.startswith("right")]
    return " / ".join(f"{100 * sum(one[name] for one in runs) / len(runs):.0f}" for name in names)


def run_missing(of: Namespace, runs: dict[str, dict[str, Any]]) -> None:
    """Runs every training that the file of results lacks, and writes the file after each."""
    for seed, name, cell in product(range(of.seed, of.seed + of.seeds), of.only, of.cells):
        key = f"{name} {cell} {seed}"
        if key not in runs:
            runs[key] = measure(name, cell, seed, of.units)
            print(key, runs[key], flush=True)
            minutes = sum(one["minutes"] for one in runs.values())
            record("state-tracking", Namespace(out=of.out, units=of.units, **BUDGETS), PAPERS, runs, minutes)


if __name__ == "__main__":
    settings = arguments(__doc__, only=list(PROBLEMS), cells=CELLS, seeds=2, units=32, table="")
    path = settings.out / "state-tracking.json"
    before = json.loads(path.read_text())["measured"] if path.is_file() else {}
    if settings.table:
        print(table(before))
    else:
        run_missing(settings, before)
