"""What language models have in common, networks and baselines alike, and their NLL on a text."""

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

MIN_STREAM = 2**14  # symbols of a stream that is scored, so that few begin with an empty state
MAX_STREAMS, STEPS = 32, 128  # streams that are scored in one batch, and the steps of a batch


class NextSymbol(Network):
    """A language model: `p(s_1 .. s_T) = prod p(s_t | s_1 .. s_{t-1})`."""

    _carried: State = None

    @abstractmethod
    def nats(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Computes `-ln p` of each symbol but the first.

        symbols: [B, T + 1]
        state: after the preceding symbols; None at the beginning
        returns: [B, T], and the state before the last symbol
        """

    @abstractmethod
    def next(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Computes `ln p` [B, V] of the symbol after symbols [B, T]; returns it with the new state."""

    def loss(self, batch: TextBatch) -> Tensor:
        """The mean NLL of a symbol in nats. A batch continues from the final state of the previous batch."""
        initial = None if batch.first else reset_rows(self._carried, batch.fresh)
        nats, state = self.nats(batch.symbols, initial)
        self._carried = detach(state)
        return nats[:, batch.skip :].mean()

    def weight(self, batch: TextBatch) -> int:
        rows, steps = batch.symbols.shape
        return rows * (steps - 1 - batch.skip)

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(chain(self.parameters(), self.buffers())).device


def reset_rows(state: State, rows: Tensor | None) -> State:
    """Sets some rows [B] of a state [layers, B, ...], or of several, to zero, the initial state."""
    if state is None or rows is None:
        return state
    if isinstance(state, Tensor):
        return state.masked_fill(rows.view(1, -1, *[1] * (state.dim() - 2)), 0.0)
    return tuple(reset_rows(tensor, rows) for tensor in state)


@dataclass(frozen=True)
class TextNLL:
    """The negative log-likelihood of a text.

    per_symbol: the mean, in nats
    symbols_per_character: of the text
    """

    per_symbol: float
    symbols_per_character: float

    @property
    def per_character(self) -> float:
        """The mean of a character in nats, which compares models with different tokenizers."""
        return self.per_symbol * self.symbols_per_character


def text_nll(model: NextSymbol, text: Text) -> TextNLL:
    """Computes the NLL of a text, in a batch of a few long streams.

    Each stream reads the symbols before it. At the beginning of a text the first symbol is not predicted.
    """
    begin = 0 if text.before else 1
    rows = max(1, min(MAX_STREAMS, (len(text) - begin) // MIN_STREAM))
    streams = TextStreams(text, STEPS).streams(rows, 0, rows)
    total, state = 0.0, None
    with torch.inference_mode():
        for batch in streams:
            nats, state = model.nats(batch.symbols.to(model.device), None if batch.first else state)
            total += float(nats[:, batch.skip :].double().sum())
        covered = begin + rows * streams.length
        if covered < len(text):  # the rest continues from the last stream
            rest = torch.from_numpy(text.symbols(covered - 1, len(text))).to(model.device)
            nats, _ = model.nats(rest.expand(rows, -1), state)
            total += float(nats[-1].double().sum())
    return TextNLL(total / (len(text) - begin), len(text) / max(text.characters, 1))


def symbol_nll(model: NextSymbol, symbols: Tensor) -> Tensor:
    """Computes the nats [B, T] of each symbol but the first of [B, T + 1], from the initial state."""
    chunks, state = [], None
    with torch.inference_mode():
        for first in range(0, symbols.shape[1] - 1, STEPS):
            nats, state = model.nats(symbols[:, first : first + STEPS + 1].to(model.device), state)
            chunks.append(nats.cpu())
    return torch.cat(chunks, dim=1)
