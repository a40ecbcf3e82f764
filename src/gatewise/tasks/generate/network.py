"""What all models of the next symbol have in common, networks and baselines alike."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from gatewise.data.text.streams import TextBatch, TextStreams
from gatewise.data.text.text import Text
from gatewise.layers import detach
from gatewise.layers.states import State
from gatewise.modules.network import Network

ROW = 2**14  # symbols of a stream that is scored, at least, so that few begin with an empty state
ROWS, STEPS = 32, 128  # streams that are scored side by side, at most, and how far at a time


class NextSymbol(Network):
    """The probability of each symbol, given all before it: `p(s_1 .. s_T) = prod p(s_t | s_1 .. s_{t-1})`."""

    _carried: State = None

    @abstractmethod
    def nats(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        """`-ln p` of each symbol but the first: [B, T + 1] -> [B, T], and the state to go on with.

        state: what the symbols before came to; None where there are none
        """

    @abstractmethod
    def next(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        """`ln p` of what comes after symbols [B, T]: [B, V], and the state to go on with."""

    def loss(self, batch: TextBatch) -> Tensor:
        """Nats a symbol. A batch goes on from the state that the one before it came to."""
        before = None if batch.first else emptied(self._carried, batch.fresh)
        nats, state = self.nats(batch.symbols, before)
        self._carried = detach(state)
        return nats[:, batch.skip :].mean()

    def weight(self, batch: TextBatch) -> int:
        rows, steps = batch.symbols.shape
        return rows * (steps - 1 - batch.skip)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(chain(self.parameters(), self.buffers())).device


def emptied(state: State, rows: Tensor | None) -> State:
    """A state [layers, B, H], or several, of which some rows [B] are as at the beginning: zero."""
    if state is None or rows is None:
        return state
    if isinstance(state, Tensor):
        return state.masked_fill(rows.view(1, -1, 1), 0.0)
    return tuple(emptied(one, rows) for one in state)


@dataclass(frozen=True)
class Surprise:
    """How well a text was foretold: the mean nats of a symbol, and the symbols of a character."""

    symbol: float
    symbols_of_a_character: float

    @property
    def character(self) -> float:
        """The mean nats of a character: what compares models over different symbols."""
        return self.symbol * self.symbols_of_a_character


def surprise(model: NextSymbol, text: Text) -> Surprise:
    """Foretells each symbol of a text from all before it, in a few long streams side by side.

    Each stream reads what stands before it; at the very beginning of a text the first symbol is not foretold.
    """
    begin = 0 if text.before else 1
    rows = max(1, min(ROWS, (len(text) - begin) // ROW))
    streams = TextStreams(text, STEPS).streams(rows, 0, rows)
    total, state = 0.0, None
    with torch.inference_mode():
        for batch in streams:
            nats, state = model.nats(batch.symbols.to(model.device), None if batch.first else state)
            total += float(nats[:, batch.skip :].double().sum())
        left = begin + rows * streams.length
        if left < len(text):  # what is left over goes on from the last stream
            rest = torch.from_numpy(text.symbols(left - 1, len(text))).to(model.device)
            nats, _ = model.nats(rest.expand(rows, -1), state)
            total += float(nats[-1].double().sum())
    return Surprise(total / (len(text) - begin), len(text) / max(text.characters, 1))


def follow(model: NextSymbol, symbols: Tensor) -> Tensor:
    """The nats of each symbol but the first, [B, T + 1] -> [B, T], read from an empty state on."""
    parts, state = [], None
    with torch.inference_mode():
        for first in range(0, symbols.shape[1] - 1, STEPS):
            nats, state = model.nats(symbols[:, first : first + STEPS + 1].to(model.device), state)
            parts.append(nats.cpu())
    return torch.cat(parts, dim=1)
