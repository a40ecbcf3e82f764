"""Captions: an image is read, and what it shows told symbol by symbol."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.images.captions import CaptionBatch
from gatewise.data.text.symbols import BEGIN, END, PADDING
from gatewise.errors import GatewiseError
from gatewise.modules.beam_search import Hypothesis, beam_search
from gatewise.modules.decoders import DECODERS, Context, given
from gatewise.modules.network import Network
from gatewise.modules.tied_vectors import TiedVectors
from gatewise.tasks.caption.encoder import ColumnReader, EncoderKind, ImageReader, PositionReader


class Captioner(Network):
    """Gives a caption for an image: networks and baselines alike."""

    @abstractmethod
    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        """A caption for each image, with what was looked at for each symbol: [steps, S] or None."""

    def weight(self, batch: CaptionBatch) -> int:
        return int((batch.target != PADDING).sum())


class CaptionNetwork(Captioner):
    """A convolution and what reads its map, and a stack of any cell that tells the caption.

    `p(y | image) = prod p(y_t | y_1 .. y_{t-1}, image)`, `logits = V tanh(W features + b) + b'`, where the
    rows of V are also the vectors of the symbols as they are read (`TiedVectors`).

    cell: the equations, of both; channels: C of the images; symbols: V; longest: most symbols of a caption
    reading: "columns" of the map, from left to right and back, or all its "positions"
    height: of all images, where columns are read
    filters: of the convolution; embedding: size of a symbol's vector; hidden, layers: H and depth
    attention: "none", "luong" or "bahdanau"; dropout: of vectors, between layers, and before the logits
    beam, penalty: of the search
    Sources: Vinyals et al. 2015, Show and tell; Xu et al. 2015, Show, attend and tell.

    >>> from gatewise.cells import LSTM
    >>> network = CaptionNetwork(LSTM, channels=1, symbols=9, reading="positions", embedding=8, hidden=16)
    >>> images, sizes = torch.randn(2, 9, 12, 1), torch.tensor([[9, 12], [7, 7]])
    >>> batch = CaptionBatch(images, sizes, torch.tensor([[5, 3], [3, 0]]))
    >>> network.loss(batch).shape, len(network.eval().caption(batch))
    (torch.Size([]), 2)
    """

    def __init__(
        self,
        cell: CellType,
        channels: int,
        symbols: int,
        longest: int = 30,
        reading: EncoderKind = "columns",
        height: int = 0,
        filters: Sequence[int] = (16, 32),
        embedding: int = 64,
        hidden: int = 128,
        layers: int = 1,
        attention: Literal["none", "luong", "bahdanau"] = "bahdanau",
        dropout: float = 0.0,
        beam: int = 3,
        penalty: float = 1.0,
    ) -> None:
        super().__init__()
        if reading == "columns" and hidden % 2:
            raise GatewiseError(f"both directions share the {hidden} units of a layer: give an even number")
        self.reader: ImageReader = (
            ColumnReader(cell, channels, height, hidden, layers, filters, dropout)
            if reading == "columns"
            else PositionReader(cell, channels, hidden, layers, filters, dropout)
        )
        self.vectors = TiedVectors(symbols, embedding)
        self.decoder = DECODERS[attention](cell, embedding, hidden, layers, dropout)
        self.readout = nn.Linear(self.decoder.width, embedding)
        self.dropout = nn.Dropout(dropout)
        self.longest, self.beam, self.penalty = longest, beam, penalty
        self._options = {
            "cell": cell, "channels": channels, "symbols": symbols, "longest": longest, "reading": reading,
            "height": height, "filters": list(filters), "embedding": embedding, "hidden": hidden,
            "layers": layers, "attention": attention, "dropout": dropout, "beam": beam, "penalty": penalty,
        }  # fmt: skip

    def read(self, batch: CaptionBatch) -> Context:
        """Where the decoder begins."""
        found = self.reader(batch.images, batch.sizes)
        return Context(found.state, self.decoder.remember(found.values, found.there))

    def tell(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        """[B, T] -> logits of what follows each [B, T, V]; where it stands; what it looked at or None."""
        vectors = self.dropout(self.vectors(symbols))
        features, state, weights = self.decoder(vectors, context.state, context.memory)
        logits = self.vectors.logits(self.dropout(self.readout(features).tanh()))
        return logits, Context(state, context.memory), weights

    def loss(self, batch: CaptionBatch) -> Tensor:
        """Nats a symbol, the mean over all that are no padding."""
        logits, _, _ = self.tell(given(batch.target), self.read(batch))
        return functional.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), ignore_index=PADDING)

    @torch.no_grad()
    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        limits = torch.full((len(batch.images),), self.longest + 1)
        return beam_search(
            self._step, Context.select, self.read(batch), limits,
            begin=BEGIN, end=END, beam=self.beam, penalty=self.penalty,
        )  # fmt: skip

    def options(self) -> dict[str, Any]:
        return dict(self._options)

    def _step(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        logits, context, weights = self.tell(symbols.unsqueeze(1), context)
        logits[:, :, [PADDING, BEGIN]] = -torch.inf
        return logits[:, 0], context, None if weights is None else weights[:, 0]
