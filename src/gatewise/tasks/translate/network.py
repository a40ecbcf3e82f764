"""The encoder-decoder network, and what it has in common with its baselines."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.text.parallel import PairBatch
from gatewise.data.tokenizers.sentences import BEGIN, END, PADDING
from gatewise.errors import GatewiseError
from gatewise.layers import Recurrent
from gatewise.modules.beam_search import Hypothesis, beam_search
from gatewise.modules.decoders import DECODERS, Context, decoder_inputs, join_directions
from gatewise.modules.network import Network
from gatewise.modules.tied_embedding import TiedEmbedding

CHUNK_SIZE = 4096  # steps whose logits are computed at once
EXTRA_LENGTH = 5  # symbols beyond the largest ratio of target to source lengths in training


class Translator(Network):
    """Translates sources: the network or a baseline."""

    @abstractmethod
    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        """Translates each source of a batch."""

    def weight(self, batch: PairBatch) -> int:
        return int((batch.target != PADDING).sum())


class EncoderDecoder(Translator):
    """A recurrent encoder and a recurrent decoder, of any cell (Sutskever, Vinyals and Le 2014).

    `p(y | x) = prod p(y_t | y_1 .. y_{t-1}, x)`, `logits = V tanh(W features + b) + b'`, where the rows of V
    are also the embeddings of the target symbols (`TiedEmbedding`).

    cell: the equations
    sources, targets: the sizes of both vocabularies
    embedding: the size of a symbol's vector
    hidden: H of encoder and decoder; each direction of a bidirectional encoder has half
    layers: of encoder and decoder
    heads: groups of units of each layer and direction, see `Recurrent`
    dropout: of embeddings, between layers, and before the logits
    attention: "none", "luong" (all steps at once) or "bahdanau" (step by step)
    bidirectional: whether the encoder is
    reverse: whether a unidirectional encoder reads the source from its end
    smoothing: label smoothing in training
    forcing: the fraction of true symbols among the decoder inputs after `forcing_pairs` pairs; it falls
        linearly from 1 (scheduled sampling, Bengio et al. 2015)
    beam: hypotheses of the search
    penalty: for length, in the search
    ratio: the largest ratio of target to source lengths

    >>> from gatewise.cells import LSTM
    >>> network = EncoderDecoder(LSTM, sources=9, targets=7, embedding=8, hidden=16)
    >>> source, target = torch.tensor([[4, 5, 3], [6, 3, 0]]), torch.tensor([[5, 3], [6, 3]])
    >>> batch = PairBatch(source, torch.tensor([3, 2]), target)
    >>> network.loss(batch).shape, len(network.eval().translate(batch))
    (torch.Size([]), 2)
    """

    source_vectors: nn.Embedding
    target_vectors: TiedEmbedding
    encoder: Recurrent
    readout: nn.Linear
    dropout: nn.Dropout
    reverse: bool
    smoothing: float
    forcing: float
    forcing_pairs: int
    beam: int
    penalty: float
    ratio: float
    pairs_seen: Tensor

    def __init__(
        self,
        cell: CellType,
        *,
        sources: int,
        targets: int,
        embedding: int = 256,
        hidden: int = 512,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        attention: Literal["none", "luong", "bahdanau"] = "luong",
        bidirectional: bool = True,
        reverse: bool = False,
        smoothing: float = 0.0,
        forcing: float = 1.0,
        forcing_pairs: int = 0,
        beam: int = 5,
        penalty: float = 1.0,
        ratio: float = 2.0,
    ) -> None:
        super().__init__()
        if bidirectional and hidden % 2:
            raise GatewiseError(f"a bidirectional encoder needs an even number of hidden units, got {hidden}")
        self.source_vectors = nn.Embedding(sources, embedding, padding_idx=PADDING)
        self.target_vectors = TiedEmbedding(targets, embedding)
        self.encoder = Recurrent(
            cell,
            embedding,
            hidden // (1 + bidirectional),
            layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
            heads=heads,
        )
        self.decoder = DECODERS[attention](cell, embedding, hidden, layers, dropout, heads)
        self.readout = nn.Linear(self.decoder.width, embedding)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("pairs_seen", torch.zeros((), dtype=torch.long))
        self.reverse, self.smoothing = reverse, smoothing
        self.forcing, self.forcing_pairs = forcing, forcing_pairs
        self.beam, self.penalty, self.ratio = beam, penalty, ratio
        self._options = {
            "cell": cell,
            "sources": sources,
            "targets": targets,
            "embedding": embedding,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "attention": attention,
            "bidirectional": bidirectional,
            "reverse": reverse,
            "smoothing": smoothing,
            "forcing": forcing,
            "forcing_pairs": forcing_pairs,
            "beam": beam,
            "penalty": penalty,
            "ratio": ratio,
        }

    def encode(self, source: Tensor, lengths: Tensor) -> Context:
        """Encodes sources [B, S] of lengths [B]; returns the decoder's initial context."""
        source = backwards(source, lengths) if self.reverse else source
        vectors = self.dropout(self.source_vectors(source))
        values, state = self.encoder(vectors, lengths=lengths)
        mask = torch.arange(source.shape[1], device=source.device) < lengths.unsqueeze(1)
        state = join_directions(state) if self.encoder.bidirectional else state
        return Context(state, self.decoder.memory(values, mask))

    def decode(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        """Decodes symbols [B, T]; returns features [B, T, F], context, and attention [B, T, S] or None."""
        vectors = self.dropout(self.target_vectors(symbols))
        features, state, weights = self.decoder(vectors, context.state, context.memory)
        return features, Context(state, context.memory), weights

    def logits(self, features: Tensor) -> Tensor:
        """Computes logits [..., V] of features [..., F]."""
        return self.target_vectors.logits(self.dropout(self.readout(features).tanh()))

    def loss(self, batch: PairBatch) -> Tensor:
        """The mean cross-entropy of the target symbols without padding, in nats."""
        context = self.encode(batch.source, batch.lengths)
        features, _, _ = self.decode(self._decoder_inputs(batch.target, context), context)
        mask = batch.target != PADDING
        features, truth = features[mask], batch.target[mask]
        smoothing = self.smoothing if self.training else 0.0
        nats = [
            functional.cross_entropy(self.logits(rows), true, label_smoothing=smoothing, reduction="sum")
            for rows, true in zip(features.split(CHUNK_SIZE), truth.split(CHUNK_SIZE), strict=True)
        ]
        return torch.stack(nats).sum() / len(truth)

    @torch.no_grad()
    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        limits = (batch.lengths * self.ratio).ceil().long() + EXTRA_LENGTH
        hypotheses = beam_search(
            self.step,
            Context.select,
            self.encode(batch.source, batch.lengths),
            limits,
            begin=BEGIN,
            end=END,
            beam=self.beam,
            penalty=self.penalty,
        )
        if not self.reverse:
            return hypotheses
        return [
            hypothesis
            if hypothesis.attention is None
            else hypothesis._replace(attention=hypothesis.attention[:, :length].flip(1))
            for hypothesis, length in zip(hypotheses, batch.lengths.tolist(), strict=True)
        ]

    def forced_fraction(self) -> float:
        """The present fraction of true symbols among the decoder inputs: falls linearly from 1."""
        progress = min(int(self.pairs_seen) / self.forcing_pairs, 1.0) if self.forcing_pairs else 1.0
        return 1 - (1 - self.forcing) * progress

    def step(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        """Logits [B, V] after symbols [B], the context, and attention [B, S] or None."""
        features, context, weights = self.decode(symbols.unsqueeze(1), context)
        logits = self.logits(features[:, 0])
        logits[:, [PADDING, BEGIN]] = -torch.inf
        return logits, context, None if weights is None else weights[:, 0]

    def _decoder_inputs(self, target: Tensor, context: Context) -> Tensor:
        """The decoder inputs [B, T]: true symbols, some replaced by predictions in scheduled sampling."""
        true = decoder_inputs(target)
        if not self.training or self.forcing == 1.0:
            return true
        fraction = self.forced_fraction()
        self.pairs_seen += len(target) * _processes()
        return true if fraction == 1.0 else self._scheduled_inputs(true, fraction, context)

    @torch.no_grad()
    def _scheduled_inputs(self, true: Tensor, fraction: float, context: Context) -> Tensor:
        """Replaces true symbols, but for a random fraction, by the network's predictions step by step."""
        forced = torch.rand(true.shape, device=true.device) < fraction
        inputs = [true[:, 0]]
        self.eval()
        for step in range(1, true.shape[1]):
            logits, context, _ = self.step(inputs[-1], context)
            inputs.append(torch.where(forced[:, step], true[:, step], logits.argmax(-1)))
        self.train()
        return torch.stack(inputs, dim=1)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


def backwards(source: Tensor, lengths: Tensor) -> Tensor:
    """Reverses each row of [B, S] up to its length; padding stays at the end.

    >>> backwards(torch.tensor([[4, 5, 3], [6, 3, 0]]), torch.tensor([3, 2]))
    tensor([[3, 5, 4],
            [3, 6, 0]])
    """
    steps = torch.arange(source.shape[1], device=source.device)
    positions = lengths.unsqueeze(1) - 1 - steps
    return source.gather(1, torch.where(positions < 0, steps, positions))


def _processes() -> int:
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
