"""The generative model of sequences of vectors, and the class of its baselines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.layers import Recurrent
from gatewise.layers.states import State
from gatewise.modules.network import Network
from gatewise.tasks.generate_vectors.densities import VectorHead


class NextVector(Network):
    """The density of each vector, given all before it: `p(x_1 .. x_T) = prod p(x_t | x_1 .. x_{t-1})`."""

    @abstractmethod
    def nats(self, batch: SequenceBatch) -> Tensor:
        """`-ln p(x_t | x_1 .. x_{t-1})`, [B, T]; zero after the end of a sequence."""

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The mean NLL of a vector in nats, over all vectors of the batch."""
        return self.nats(batch).sum() / batch.lengths.sum()

    def weight(self, batch: SequenceBatch) -> int:
        return int(batch.lengths.sum())


class SequenceModel(NextVector):
    """Recurrent layers of any cell, and a density head for the next vector (Graves 2013).

    The first vector is predicted from zeros.

    cell: the equations
    channels: C
    binary: the channels that are 0 or 1
    hidden, layers: H and the depth of the stack
    heads: groups of units of each layer, see `Recurrent`
    components: of the mixture of real channels
    dropout: between the layers, and before the head
    skip: whether layers above the first read the vector too (Graves 2013)
    input_scale: a factor of the inputs, as rows of few ones and many zeros hardly move a stack of layers

    >>> from gatewise.cells import LSTM
    >>> network = SequenceModel(LSTM, channels=3, binary=[2], hidden=16)
    >>> batch = SequenceBatch(torch.zeros(2, 5, 3), torch.tensor([5, 3]), torch.zeros(2))
    >>> network.nats(batch).shape, network.sample(7, count=4).shape
    (torch.Size([2, 5]), torch.Size([4, 7, 3]))
    """

    channels: int
    input_scale: float
    recurrent: Recurrent
    dropout: nn.Dropout
    head: VectorHead

    def __init__(
        self,
        cell: CellType,
        channels: int,
        binary: Sequence[int] = (),
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        components: int = 20,
        skip: bool = False,
        input_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.channels, self.input_scale = channels, input_scale
        self.recurrent = Recurrent(
            cell,
            channels,
            hidden,
            layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,
            skip=skip,
            heads=heads,
        )
        self.dropout = nn.Dropout(dropout)
        self.head = VectorHead(hidden, channels, binary, components)
        self._options = {
            "cell": cell,
            "channels": channels,
            "binary": list(binary),
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "components": components,
            "skip": skip,
            "input_scale": input_scale,
        }

    def forward(
        self, values: Tensor, state: State = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Computes density parameters [B, T, n] for the vector after each of [B, T, C], and the state."""
        output, state = self.recurrent(values * self.input_scale, state, lengths=lengths)
        return self.head(self.dropout(output)), state

    def expected(self, batch: SequenceBatch) -> Tensor:
        """The expected vector after the end of each sequence, [B, C]; of a 0/1 channel its probability."""
        inputs = functional.pad(batch.values, (0, 0, 1, 0))
        raw, _ = self(inputs, lengths=batch.lengths + 1)
        return self.head.mean(raw[torch.arange(len(raw)), batch.lengths])

    def nats(self, batch: SequenceBatch) -> Tensor:
        inputs = functional.pad(batch.values[:, :-1], (0, 0, 1, 0))
        raw, _ = self(inputs, lengths=batch.lengths)
        mask = torch.arange(inputs.shape[1], device=inputs.device) < batch.lengths.unsqueeze(1)
        return self.head.nats(raw, batch.values) * mask

    @torch.no_grad()
    def sample(self, length: int, count: int = 1, bias: float = 0.0, start: Tensor | None = None) -> Tensor:
        """Samples sequences [count, length, C], which continue the vectors [S, C] of `start` if given.

        bias: above 0, real channels are sampled closer to their mode (Graves 2013)
        """
        weight = self.recurrent.all_weights[0][0]
        inputs = weight.new_zeros(count, 1, self.channels)
        if start is not None:
            inputs = torch.cat([inputs, start.to(inputs).expand(count, -1, -1)], dim=1)
        raw, state = self(inputs)
        sampled = [self.head.sample(raw[:, -1], bias)]
        while len(sampled) < length:
            raw, state = self(sampled[-1].unsqueeze(1), state)
            sampled.append(self.head.sample(raw[:, -1], bias))
        return torch.stack(sampled, dim=1)

    def options(self) -> dict[str, Any]:
        return dict(self._options)
