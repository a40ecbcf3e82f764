"""Encoder and decoder: a source is read, and its target told symbol by symbol."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.text.parallel import PairBatch
from gatewise.data.text.symbols import BEGIN, END, PADDING
from gatewise.errors import GatewiseError
from gatewise.layers import Recurrent
from gatewise.layers.states import State
from gatewise.modules.beam_search import Hypothesis, beam_search
from gatewise.modules.decoders import DECODERS, Context, given
from gatewise.modules.network import Network
from gatewise.modules.tied_vectors import TiedVectors

ROWS = 4096  # logits are made of so many steps at a time
BEYOND = 5  # symbols that a translation may be longer than any of its ratio was in training


class Translator(Network):
    """Gives a target for a source, networks and baselines alike."""

    @abstractmethod
    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        """A target for each row, with what was looked at: [steps, S]."""

    def weight(self, batch: PairBatch) -> int:
        return int((batch.target != PADDING).sum())


class EncoderDecoder(Translator):
    """One stack of any cell reads the source, another tells the target (Sutskever, Vinyals and Le 2014).

    `p(y | x) = prod p(y_t | y_1 .. y_{t-1}, x)`, `logits = V tanh(W features + b) + b'`, where the rows of V
    are also the vectors of the target's symbols as they are read (`TiedVectors`).

    cell: the equations; sources, targets: how many symbols there are
    embedding: the size of a symbol's vector; hidden, layers: H and depth of both stacks
    dropout: of vectors, between layers, and of what the logits are made of
    attention: "none", "luong" (all steps at once) or "bahdanau" (step by step)
    bidirectional: the encoder reads both ways, with half of the units each; reverse: it reads backwards
    smoothing: of the labels in training; forcing: the share of true symbols that the decoder is given at the
    end of `forcing_pairs` pairs, all at the start; of its own otherwise (Bengio et al. 2015)
    beam, penalty: of the search; ratio: the largest of target and source lengths

    >>> from gatewise.cells import LSTM
    >>> network = EncoderDecoder(LSTM, sources=9, targets=7, embedding=8, hidden=16)
    >>> source, target = torch.tensor([[4, 5, 3], [6, 3, 0]]), torch.tensor([[5, 3], [6, 3]])
    >>> batch = PairBatch(source, torch.tensor([3, 2]), target)
    >>> network.loss(batch).shape, len(network.eval().translate(batch))
    (torch.Size([]), 2)
    """

    pairs_seen: Tensor

    def __init__(
        self,
        cell: CellType,
        sources: int,
        targets: int,
        embedding: int = 256,
        hidden: int = 512,
        layers: int = 1,
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
            raise GatewiseError(f"both directions share the {hidden} units of a layer: give an even number")
        self.source_vectors = nn.Embedding(sources, embedding, padding_idx=PADDING)
        self.target_vectors = TiedVectors(targets, embedding)
        self.encoder = Recurrent(
            cell, embedding, hidden // (1 + bidirectional), layers, batch_first=True,
            dropout=dropout if layers > 1 else 0.0, bidirectional=bidirectional,
        )  # fmt: skip
        self.decoder = DECODERS[attention](cell, embedding, hidden, layers, dropout)
        self.readout = nn.Linear(self.decoder.width, embedding)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("pairs_seen", torch.zeros((), dtype=torch.long))
        self.reverse, self.smoothing = reverse, smoothing
        self.forcing, self.forcing_pairs = forcing, forcing_pairs
        self.beam, self.penalty, self.ratio = beam, penalty, ratio
        self._options = {
            "cell": cell, "sources": sources, "targets": targets, "embedding": embedding, "hidden": hidden,
            "layers": layers, "dropout": dropout, "attention": attention, "bidirectional": bidirectional,
            "reverse": reverse, "smoothing": smoothing, "forcing": forcing, "forcing_pairs": forcing_pairs,
            "beam": beam, "penalty": penalty, "ratio": ratio,
        }  # fmt: skip

    def encode(self, source: Tensor, lengths: Tensor) -> Context:
        """[B, S] and [B] -> where the decoder begins."""
        source = backwards(source, lengths) if self.reverse else source
        vectors = self.dropout(self.source_vectors(source))
        values, state = self.encoder(vectors, lengths=lengths)
        there = torch.arange(source.shape[1], device=source.device) < lengths.unsqueeze(1)
        state = _both_ways(state) if self.encoder.bidirectional else state
        return Context(state, self.decoder.remember(values, there))

    def decode(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        """[B, T] -> features [B, T, F], where it stands then, and what it looked at [B, T, S] or None."""
        vectors = self.dropout(self.target_vectors(symbols))
        features, state, weights = self.decoder(vectors, context.state, context.memory)
        return features, Context(state, context.memory), weights

    def logits(self, features: Tensor) -> Tensor:
        """[..., F] -> [..., V]."""
        return self.target_vectors.logits(self.dropout(self.readout(features).tanh()))

    def loss(self, batch: PairBatch) -> Tensor:
        """Nats a symbol, the mean over all that are no padding."""
        context = self.encode(batch.source, batch.lengths)
        features, _, _ = self.decode(self._given(batch.target, context), context)
        there = batch.target != PADDING
        features, truth = features[there], batch.target[there]
        smoothing = self.smoothing if self.training else 0.0
        nats = [
            functional.cross_entropy(self.logits(rows), true, label_smoothing=smoothing, reduction="sum")
            for rows, true in zip(features.split(ROWS), truth.split(ROWS), strict=True)
        ]
        return torch.stack(nats).sum() / len(truth)

    @torch.no_grad()
    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        limits = (batch.lengths * self.ratio).ceil().long() + BEYOND
        found = beam_search(
            self._step, Context.select, self.encode(batch.source, batch.lengths), limits,
            begin=BEGIN, end=END, beam=self.beam, penalty=self.penalty,
        )  # fmt: skip
        if not self.reverse:
            return found
        return [
            one if one.looked is None else one._replace(looked=one.looked[:, :length].flip(1))
            for one, length in zip(found, batch.lengths.tolist(), strict=True)
        ]

    def share_forced(self) -> float:
        """The share of true symbols that the decoder is given at present: falls evenly from 1."""
        done = min(int(self.pairs_seen) / self.forcing_pairs, 1.0) if self.forcing_pairs else 1.0
        return 1 - (1 - self.forcing) * done

    def _step(self, symbols: Tensor, context: Context) -> tuple[Tensor, Context, Tensor | None]:
        features, context, weights = self.decode(symbols.unsqueeze(1), context)
        logits = self.logits(features[:, 0])
        logits[:, [PADDING, BEGIN]] = -torch.inf
        return logits, context, None if weights is None else weights[:, 0]

    def _given(self, target: Tensor, context: Context) -> Tensor:
        """[B, T], the symbols that the decoder is given: those of the target, or some of its own."""
        true = given(target)
        if not self.training or self.forcing == 1.0:
            return true
        share = self.share_forced()
        self.pairs_seen += len(target) * _processes()
        return true if share == 1.0 else self._mixed(true, share, context)

    @torch.no_grad()
    def _mixed(self, true: Tensor, share: float, context: Context) -> Tensor:
        """Some symbols replaced by those that the network would tell there, after what it was given."""
        forced = torch.rand(true.shape, device=true.device) < share
        given = [true[:, 0]]
        self.eval()
        for step in range(1, true.shape[1]):
            logits, context, _ = self._step(given[-1], context)
            given.append(torch.where(forced[:, step], true[:, step], logits.argmax(-1)))
        self.train()
        return torch.stack(given, dim=1)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


def backwards(source: Tensor, lengths: Tensor) -> Tensor:
    """Each row of [B, S] from its last symbol to its first; padding stays behind.

    >>> backwards(torch.tensor([[4, 5, 3], [6, 3, 0]]), torch.tensor([3, 2]))
    tensor([[3, 5, 4],
            [3, 6, 0]])
    """
    steps = torch.arange(source.shape[1], device=source.device)
    places = lengths.unsqueeze(1) - 1 - steps
    return source.gather(1, torch.where(places < 0, steps, places))


def _both_ways(state: State) -> State:
    """The last states of both directions side by side, [2 layers, B, H/2] -> [layers, B, H]."""
    if isinstance(state, Tensor):
        return torch.cat([state[::2], state[1::2]], dim=-1)
    return tuple(_both_ways(one) for one in state)


def _processes() -> int:
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
