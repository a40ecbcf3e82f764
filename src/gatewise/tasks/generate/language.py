"""The recurrent language model: recurrent layers of any cell predict the next symbol."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.layers import Recurrent
from gatewise.layers.states import State
from gatewise.tasks.generate.network import NextSymbol


class LanguageModel(NextSymbol):
    """An embedding, layers of any cell, and a softmax: `p(s_{t+1}) = softmax(W h_t + b)` (Mikolov 2010).

    cell: the equations
    symbols: V
    hidden, layers: H and the depth of the stack
    embedding: the size of a symbol's vector
    dropout: of the embedding, between the layers, and before the softmax

    >>> from gatewise.cells import LSTM
    >>> model = LanguageModel(LSTM, symbols=66, hidden=16)
    >>> nats, state = model.nats(torch.randint(66, (4, 10)))
    >>> nats.shape, model.next(torch.randint(66, (4, 1)), state)[0].shape
    (torch.Size([4, 9]), torch.Size([4, 66]))
    """

    def __init__(
        self,
        cell: CellType,
        symbols: int,
        hidden: int = 512,
        layers: int = 1,
        embedding: int = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, embedding)
        self.recurrent = Recurrent(cell, embedding, hidden, layers, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(hidden, symbols)
        self._options = {
            "cell": cell,
            "symbols": symbols,
            "hidden": hidden,
            "layers": layers,
            "embedding": embedding,
            "dropout": dropout,
        }

    def forward(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Computes logits [T, B, V] of the symbol after each of [B, T]; returns them with the final state."""
        output, state = self.recurrent(self.dropout(self.embedding(symbols.T)), state)
        return self.readout(self.dropout(output)), state

    def nats(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        logits, state = self(symbols[:, :-1], state)
        nats = functional.cross_entropy(logits.flatten(0, 1), symbols[:, 1:].T.flatten(), reduction="none")
        return nats.view(logits.shape[:2]).T, state

    def next(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        output, state = self.recurrent(self.embedding(symbols.T), state)
        return torch.log_softmax(self.readout(output[-1]), dim=-1), state

    def options(self) -> dict[str, Any]:
        return dict(self._options)
