"""Functions of all experiments: command line, training, networks over symbols, and the file of a result."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import gatewise
from gatewise.estimators import new_estimator
from gatewise.files import write_whole

Batch = Callable[[], tuple[Tensor, Tensor]]


def arguments(about: str | None, **defaults: Any) -> argparse.Namespace:
    """The command line: `--seed`, `--out`, and an option for each setting. Everything runs on one thread."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results", help="folder of the result"
    )
    for name, value in defaults.items():
        many = isinstance(value, list)
        kind = type(value[0] if many else value)
        parser.add_argument(f"--{name}", type=kind, nargs="+" if many else None, default=value)
    torch.set_num_threads(1)
    return parser.parse_args()


def train(
    name: str, parameters: Iterable[Tensor], step: Callable[[], tuple[Tensor, float]], *, steps: int,
    rate: float, clip: float = 1.0, enough: float = 2.0, each: int = 0,
    after: Callable[[], object] = lambda: None,
) -> dict[str, Any]:  # fmt: skip
    """Minimizes the loss that `step` returns beside an accuracy, by Adam; its rate falls in the second half.

    enough: the accuracy over the last 100 batches at which to stop early
    each, after: `after` is called whenever that many steps are done
    Returns: steps taken, minutes, the accuracy over the last 100 batches and the step at which it was 99%.
    """
    parameters = list(parameters)
    adam = torch.optim.Adam(parameters, lr=rate)
    fall = torch.optim.lr_scheduler.LambdaLR(adam, lambda done: min(1.0, 2 - 2 * done / steps))
    recent: deque[float] = deque(maxlen=100)
    begun = output = time.monotonic()
    reached = None
    for number in range(1, steps + 1):
        loss, accuracy = step()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, clip)
        adam.step()
        fall.step()
        recent.append(accuracy)
        mean = sum(recent) / len(recent)
        full = len(recent) == recent.maxlen
        reached = number if reached is None and full and mean >= 0.99 else reached
        done = number == steps or (full and mean >= enough)
        if done or time.monotonic() > output + 5:
            output = time.monotonic()
            print(
                f"{name}: step {number}, loss {loss.item():.4f}, accuracy {mean:.2%}, {output - begun:.0f} s",
                flush=True,
            )
        if each and number % each == 0:
            after()
        if done:
            break
    minutes = (time.monotonic() - begun) / 60
    return {"steps": number, "steps to 99%": reached, "training accuracy": mean, "minutes": minutes}


class Symbols(nn.Module):
    """A layer over symbols [B, T]; at the last `answers` steps the logits of a symbol, [B, answers, V]."""

    def __init__(self, layer: nn.Module, symbols: int, units: int, answers: int) -> None:
        super().__init__()
        self.layer, self.symbols, self.answers = layer, symbols, answers
        self.readout = nn.Linear(units, symbols)

    def forward(self, read: Tensor) -> Tensor:
        output, _ = self.layer(functional.one_hot(read, self.symbols).float())
        return self.readout(output[:, -self.answers :])


def learn(name: str, network: nn.Module, batch: Batch, fresh: Batch, **options: Any) -> dict[str, Any]:
    """Trains a network to give the second of a batch for the first, and scores it on fresh ones."""

    def step() -> tuple[Tensor, float]:
        read, answer = batch()
        logits = network(read)
        right = (logits.detach().argmax(-1) == answer).float().mean().item()
        return functional.cross_entropy(logits.flatten(0, -2), answer.flatten()), right

    found = train(name, network.parameters(), step, **options)
    read, answer = fresh()
    with torch.no_grad():
        right = torch.cat([network(part).argmax(-1) for part in read.split(500)]) == answer
    scores = {"symbols right": right.float(), "whole answers right": right.all(-1).float()}
    return {name: one.mean().item() for name, one in scores.items()} | found


def trained(verb: str, task: str, data: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The scores of each candidate of `gatewise train` or `compare` on the test set, and what it took."""
    if verb == "compare":
        comparison = gatewise.compare(task, data, out=out, **options)
    else:
        comparison = new_estimator(task, out=out, **options).fit(data).comparison_
    return {
        one.name: {**one.scores, "std": one.std, "minutes": one.seconds / 60, "parameters": one.parameters}
        for one in comparison.results
    }


def parameters_of(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


def rounded(value: Any) -> Any:
    """All fractions in it to four digits after the point."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def record(
    name: str, settings: argparse.Namespace, paper: str, measured: dict[str, Any], minutes: float
) -> Path:
    """Writes the result, settings and all, as one JSON file in the folder of results."""
    output = {key: value for key, value in vars(settings).items() if key != "out"}
    measured, minutes = rounded(measured), rounded(minutes)
    result = {
        "experiment": name, "paper": paper, "settings": output, "measured": measured,
        "minutes": minutes, "cores": os.cpu_count(), "threads": torch.get_num_threads(),
        "gatewise": gatewise.__version__, "torch": torch.__version__,
    }  # fmt: skip
    path = Path(settings.out) / f"{name}.json"
    write_whole(path, lambda partial: partial.write_text(json.dumps(result, indent=2) + "\n"))
    print(path)
    return path
