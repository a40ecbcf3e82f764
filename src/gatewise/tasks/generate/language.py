"""The recurrent language model: layers or blocks of any cell predict the next symbol."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError
from gatewise.layers import BlockStack, Recurrent
from gatewise.layers.blocks import block_of
from gatewise.layers.regularization import DropoutMask
from gatewise.layers.states import State
from gatewise.modules.sequence_dropout import SequenceDropout
from gatewise.modules.tied_embedding import TiedEmbedding
from gatewise.tasks.generate.network import NextSymbol

LanguageNetwork = Literal["stack", "blocks"]


class LanguageModel(NextSymbol):
    """An embedding, layers of any cell, and a softmax: `p(s_{t+1}) = softmax(W h_t + b)` (Mikolov 2010).

    Tied, the logits are `V P h_t + b`, where the rows of V are also the embeddings (`TiedEmbedding`).

    cell: the equations
    symbols: V
    hidden, layers: H and the depth of the stack
    network: "stack" for recurrent layers, "blocks" for residual blocks of H features around them
    heads: groups of units of each layer, see `Recurrent`
    embedding: the size of a symbol's vector
    dropout: of the embedding, between the layers, and before the softmax
    dropout_mask: whether each step of a sequence has its own mask of `dropout`, or all steps have the same
    embedding_dropout: of a symbol's whole vector, wherever it occurs (Gal and Ghahramani 2016)
    weight_dropout: of a recurrent weight, for all steps of a sequence (Merity et al. 2018)
    tied: whether the embedding and the softmax have one matrix

    >>> from gatewise.cells import LSTM
    >>> model = LanguageModel(LSTM, symbols=66, hidden=16)
    >>> nats, state = model.nats(torch.randint(66, (4, 10)))
    >>> nats.shape, model.next(torch.randint(66, (4, 1)), state)[0].shape
    (torch.Size([4, 9]), torch.Size([4, 66]))
    """

    embedding: TiedEmbedding | nn.Embedding
    dropout: SequenceDropout | nn.Dropout
    embedding_dropout: nn.Dropout
    readout: nn.Linear

    def __init__(
        self,
        cell: CellType,
        symbols: int,
        *,
        hidden: int = 512,
        layers: int = 1,
        network: LanguageNetwork = "stack",
        heads: int = 1,
        embedding: int = 128,
        dropout: float = 0.0,
        dropout_mask: DropoutMask = "step",
        embedding_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        self.symbols = symbols
        self.embedding = (
            TiedEmbedding(symbols, embedding, padding=None) if tied else nn.Embedding(symbols, embedding)
        )
        if network == "blocks":
            if weight_dropout or dropout_mask == "sequence":
                raise GatewiseError(
                    "residual blocks have no weight dropout, and a dropout mask for each step; leave out "
                    "--weight-dropout and --dropout-mask, or give --network stack"
                )
            blocks = [block_of(cell, hidden, heads=heads, dropout=dropout) for _ in range(layers)]
            self.recurrent: nn.Module = BlockStack(embedding, hidden, blocks)
        else:
            self.recurrent = Recurrent(
                cell,
                embedding,
                hidden,
                layers,
                dropout=dropout if layers > 1 else 0.0,
                dropout_mask=dropout_mask,
                weight_dropout=weight_dropout,
                heads=heads,
            )
        self.dropout = SequenceDropout(dropout) if dropout_mask == "sequence" else nn.Dropout(dropout)
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self.readout = nn.Linear(hidden, embedding if tied else symbols)
        self._options = {
            "cell": cell,
            "symbols": symbols,
            "hidden": hidden,
            "layers": layers,
            "network": network,
            "heads": heads,
            "embedding": embedding,
            "dropout": dropout,
            "dropout_mask": dropout_mask,
            "embedding_dropout": embedding_dropout,
            "weight_dropout": weight_dropout,
            "tied": tied,
        }

    def forward(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Computes logits [T, B, V] of the symbol after each of [B, T]; returns them with the final state."""
        output, state = self.recurrent(self.dropout(self.embed(symbols.T)), state)
        return self.logits(self.dropout(output)), state

    def embed(self, symbols: Tensor) -> Tensor:
        """Embeds symbols [...] as vectors [..., E]; in training, some symbols as zeros."""
        vectors: Tensor = self.embedding(symbols)
        if not self.training or self.embedding_dropout.p == 0:
            return vectors
        kept = self.embedding_dropout(vectors.new_ones(self.symbols))
        return vectors * kept[symbols].unsqueeze(-1)

    def logits(self, output: Tensor) -> Tensor:
        """Computes logits [..., V] of the output [..., H] of the recurrent layers."""
        features: Tensor = self.readout(output)
        return self.embedding.logits(features) if isinstance(self.embedding, TiedEmbedding) else features

    def nats(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        logits, state = self(symbols[:, :-1], state)
        nats = functional.cross_entropy(logits.flatten(0, 1), symbols[:, 1:].T.flatten(), reduction="none")
        return nats.view(logits.shape[:2]).T, state

    def next(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        output, state = self.recurrent(self.embedding(symbols.T), state)
        return torch.log_softmax(self.logits(output[-1]), dim=-1), state

    def options(self) -> dict[str, Any]:
        return dict(self._options)
