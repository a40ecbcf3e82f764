"""Addition of two numbers, read digit by digit, by tied and untied 2-LSTM grids and by stacked LSTMs.

The paper (Kalchbrenner, Danihelka and Graves 2015, Grid long short-term memory): numbers of 15 digits; a
tied 2-LSTM of 18 layers with 400 units gives over 99% right.

Ours: fewer digits, layers and units. Digits go in one at a time, highest first, `1 2 3 - 9 0 0 -`; then, at
blanks, the network gives the sum, one digit more than a number has. A tied grid, an untied grid
and a stacked LSTM have the same units and depth and see equally many fresh sums.
"""

from __future__ import annotations

import time

import torch
from experiment import Batch, Symbols, arguments, learn, parameters_of, record
from torch import Tensor, nn

import gatewise

PAPER = "numbers of 15 digits: a tied 2-LSTM of 18 layers and 400 units gives over 99% right"
BLANK = 10


def digits_of(numbers: Tensor, count: int) -> Tensor:
    """[B] to [B, count], highest first."""
    return numbers[:, None] // 10 ** torch.arange(count - 1, -1, -1) % 10


def sums(count: int, digits: int) -> Batch:
    """Makes batches: two numbers and blanks, [B, 3 * digits + 3], and their sum, [B, digits + 1]."""

    def batch() -> tuple[Tensor, Tensor]:
        one, other = torch.randint(10**digits, (2, count))
        blank = torch.full((count, 1), BLANK)
        read = [digits_of(one, digits), blank, digits_of(other, digits), blank.expand(-1, digits + 2)]
        return torch.cat(read, dim=1), digits_of(one + other, digits + 1)

    return batch


def networks(units: int, depth: int, digits: int) -> dict[str, nn.Module]:
    """The grids and their competitor, over ten digits and the blank."""
    layers = {
        "tied 2-LSTM": gatewise.GridLSTM(11, units, depth),
        "untied 2-LSTM": gatewise.GridLSTM(11, units, depth, tied=False),
        "stacked LSTM": gatewise.LSTM(11, units, num_layers=depth, batch_first=True),
    }
    return {name: Symbols(layer, 11, units, digits + 1) for name, layer in layers.items()}


if __name__ == "__main__":
    settings = arguments(__doc__, digits=3, units=100, depth=5, batch=50, rate=0.003, steps=6000)
    of, begun, measured = settings, time.monotonic(), {}
    torch.manual_seed(of.seed)
    for name, network in networks(of.units, of.depth, of.digits).items():
        torch.manual_seed(of.seed)
        batch, fresh = (sums(count, of.digits) for count in (of.batch, 10_000))
        measured[name] = learn(name, network, batch, fresh, steps=of.steps, rate=of.rate, enough=0.9995)
        measured[name]["parameters"] = parameters_of(network)
    record("addition", settings, PAPER, measured, (time.monotonic() - begun) / 60)
