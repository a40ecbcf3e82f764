"""The captioning network, and what it has in common with its baselines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.images.captions import CaptionBatch
from gatewise.data.tokenizers.sentences import BEGIN, END, PADDING
from gatewise.errors import GatewiseError
from gatewise.modules.beam_search import Hypothesis, beam_search
from gatewise.modules.decoders import DECODERS, Context, decoder_inputs
from gatewise.modules.network import Network
from gatewise.modules.tied_embedding import TiedEmbedding
from gatewise.tasks.caption.encoder import ColumnEncoder, EncoderKind, ImageEncoder, PositionEncoder


class Captioner(Network):
    """Captions images: the network or a baseline."""

    @abstractmethod
    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        """Captions each image of a batch."""

    def weight(self, batch: CaptionBatch) -> int:
        return int((batch.target != PADDING).sum())


class CaptionNetwork(Captioner):
    """An image encoder, and a recurrent decoder of any cell that generates the caption.

    `p(y | image) = prod p(y_t | y_1 .. y_{t-1}, image)`, `logits = V tanh(W features + b) + b'`, where the
    rows of V are also the embeddings of the symbols (`TiedEmbedding`).

    cell: the equations, of encoder and decoder
    channels: C of the images
    symbols: V
    max_length: the maximum number of symbols of a caption
    encoder: "columns" of the feature map, read by a bidirectional layer, or all its "positions"
    height: of all images, for the encoder of columns
    filters: of the convolution
    embedding: the size of a symbol's vector
    hidden, layers: H and the depth of the decoder
    heads: groups of units of each layer and direction, see `Recurrent`
    attention: "none", "luong" or "bahdanau"
    dropout: of embeddings, between layers, and before the logits
    beam: hypotheses of the search
    penalty: for length, in the search
    Sources: Vinyals et al. 2015, Show and tell; Xu et al. 2015, Show, attend and tell.

    >>> from gatewise.cells import LSTM
    >>> network = CaptionNetwork(LSTM, channels=1, symbols=9, encoder="positions", embedding=8, hidden=16)
    >>> images, sizes = torch.randn(2, 9, 12, 1), torch.tensor([[9, 12], [7, 7]])
    >>> batch = CaptionBatch(images, sizes, torch.tensor([[5, 3], [3, 0]]))
    >>> network.loss(batch).shape, len(network.eval().caption(batch))
    (torch.Size([]), 2)
    """

    vectors: TiedEmbedding
    readout: nn.Linear
    dropout: nn.Dropout
    max_length: int
    beam: int
    penalty: float

    def __init__(
        self,
        cell: CellType,
        *,
        channels: int,
        symbols: int,
        max_length: int = 30,
        encoder: EncoderKind = "columns",
        height: int = 0,
        filters: Sequence[int] = (16, 32),
        embedding: int = 64,
        hidden: int = 128,
        layers: int = 1,
        heads: int = 1,
        attention: Literal["none", "luong", "bahdanau"] = "bahdanau",
        dropout: float = 0.0,
        beam: int = 3,
        penalty: float = 1.0,
    ) -> None:
        super().__init__()
        if encoder == "columns" and hidden % 2:
            raise GatewiseError(f"a bidirectional encoder needs an even number of hidden units, got {hidden}")
        self.reader: ImageEncoder = (
            ColumnEncoder(cell, channels, height, hidden, layers, filters, dropout, heads)
            if encoder == "columns"
            else PositionEncoder(cell, channels, hidden, layers, filters, dropout, heads)
        )
        self.vectors = TiedEmbedding(symbols, embedding)
        self.decoder = DECODERS[attention](cell, embedding, hidden, layers, dropout, heads)
        self.readout = nn.Linear(self.decoder.width, embedding)
        self.dropout = nn.Dropout(dropout)
        self.max_length, self.beam, self.penalty = max_length, beam, penalty
        self._options = {
            "cell": cell,
            "channels": channels,
            "symbols": symbols,
            "max_length": max_length,
            "encoder": encoder,
            "height": height,
            "filters": list(filters),
            "embedding": embedding,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "attention": attention,
            "dropout": dropout,
            "beam": beam,
            "penalty": penalty,
        }

    def encode(self, batch: CaptionBatch) -> Context:
        """Encodes the images of a batch; returns the decoder's initial context."""
        encoded = self.reader(batch.images, batch.sizes)
        return Context(encoded.state, self.decoder.memory(encoded.values, encoded.mask))

    def decode(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        """Decodes symbols [B, T]; returns logits [B, T, V], the context, and attention [B, T, S] or None."""
        vectors = self.dropout(self.vectors(symbols))
        features, state, weights = self.decoder(vectors, context.state, context.memory)
        logits = self.vectors.logits(self.dropout(self.readout(features).tanh()))
        return logits, Context(state, context.memory), weights

    def loss(self, batch: CaptionBatch) -> Tensor:
        """The mean cross-entropy of the target symbols without padding, in nats."""
        logits, _, _ = self.decode(decoder_inputs(batch.target), self.encode(batch))
        return functional.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), ignore_index=PADDING)

    @torch.no_grad()
    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        limits = torch.full((len(batch.images),), self.max_length + 1)
        context = self.encode(batch)
        hypotheses = beam_search(
            self.step,
            Context.select,
            context,
            limits,
            begin=BEGIN,
            end=END,
            beam=self.beam,
            penalty=self.penalty,
        )
        # The attention is that of the positions of each image, without the padding of the batch.
        return [
            hypothesis
            if hypothesis.attention is None
            else hypothesis._replace(attention=hypothesis.attention[:, mask])
            for hypothesis, mask in zip(hypotheses, context.memory.mask, strict=True)
        ]

    def options(self) -> dict[str, Any]:
        return dict(self._options)

    def step(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        """Logits [B, V] after symbols [B], the context, and attention [B, S] or None."""
        logits, context, weights = self.decode(symbols.unsqueeze(1), context)
        logits[:, :, [PADDING, BEGIN]] = -torch.inf
        return logits[:, 0], context, None if weights is None else weights[:, 0]
