"""Networks that predict a label for each step of a sequence: any cell, in one direction or both."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.labels.channel_steps import ChannelBatch
from gatewise.data.labels.labelled import StepBatch
from gatewise.data.labels.token_steps import NO_LABEL, TokenBatch
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.tokenizers.words import UNKNOWN
from gatewise.layers import Recurrent
from gatewise.modules.gap_inputs import DecayingRecurrent, GapInputs, elapsed_times
from gatewise.modules.network import Network


class Labeller(Network):
    """Computes the logits of all labels at each step: the network or a baseline.

    Args:
        labels: K, the number of labels
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.labels = labels

    @abstractmethod
    def forward(self, batch: StepBatch) -> Tensor:
        """Computes the logits [B, T, K] of each step."""

    def loss(self, batch: StepBatch) -> Tensor:
        """The mean negative log-likelihood of the labels, over all steps that have one."""
        logits, labels = self(batch).flatten(0, 1), batch.labels.flatten()
        total = functional.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="sum")
        return total / max(self.weight(batch), 1)

    def weight(self, batch: StepBatch) -> int:
        return int((batch.labels != NO_LABEL).sum())

    def options(self) -> dict[str, Any]:
        return {"labels": self.labels}


class LabelNetwork(Labeller):
    """Recurrent layers of any cell over the steps: `logits_t = W h_t + b`.

    For sentences `x_t = [word_t, characters_t]`, where `characters_t` are the final states of a
    bidirectional layer over the characters of the word.

    Args:
        labels: K, the number of labels
        cell: the cell of all layers
        words: the number of words of the vocabulary, for sentences
        letters: the number of letters of the vocabulary, for sentences
        channels: C, for steps of numbers
        hidden: H, the hidden units of each direction
        layers: the number of layers
        heads: groups of units of each layer, see `Recurrent`
        bidirectional: whether the layers run in both directions
        embedding: the size of the embedding of a word
        char_hidden: the hidden units of each direction of the layer over characters
        dropout: the dropout rate before, between and after the layers
        word_dropout: the fraction of words replaced by the unknown word in training
        gaps, decay: what is read beside the values of channels, see `GapInputs`

    Source: Lample et al. 2016, Neural architectures for named entity recognition.

    >>> from gatewise.cells import LSTM
    >>> from gatewise.data.labels.channel_steps import ChannelBatch
    >>> network = LabelNetwork(4, LSTM, channels=3, hidden=8)
    >>> lengths, labels = torch.tensor([5, 2]), torch.zeros(2, 5, dtype=torch.long)
    >>> network(ChannelBatch(torch.randn(2, 5, 3), lengths, labels)).shape
    torch.Size([2, 5, 4])
    """

    reader: ChannelReader | SentenceReader
    dropout: nn.Dropout
    recurrent: DecayingRecurrent | Recurrent
    readout: nn.Linear

    def __init__(
        self,
        labels: int,
        cell: CellType,
        *,
        words: int = 0,
        letters: int = 0,
        channels: int = 0,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        bidirectional: bool = True,
        embedding: int = 64,
        char_hidden: int = 24,
        dropout: float = 0.1,
        word_dropout: float = 0.1,
        gaps: GapKind = "none",
        decay: bool = False,
    ) -> None:
        super().__init__(labels)
        self._options = {
            "cell": cell,
            "words": words,
            "letters": letters,
            "channels": channels,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "bidirectional": bidirectional,
            "embedding": embedding,
            "char_hidden": char_hidden,
            "dropout": dropout,
            "word_dropout": word_dropout,
            "gaps": gaps,
            "decay": decay,
        }
        self.reader = (
            ChannelReader(channels, dropout, gaps, decay)
            if channels
            else SentenceReader(
                cell,
                words,
                letters,
                embedding=embedding,
                char_hidden=char_hidden,
                word_dropout=word_dropout,
                dropout=dropout,
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.recurrent = (DecayingRecurrent if decay else Recurrent)(
            cell,
            self.reader.features,
            hidden,
            layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
            heads=heads,
        )
        self.readout = nn.Linear(hidden * (1 + bidirectional), labels)

    def forward(self, batch: StepBatch) -> Tensor:
        times = elapsed_times(self.recurrent.cell, batch.gaps if isinstance(batch, ChannelBatch) else None)
        output, _ = self.recurrent(self.reader(batch), lengths=batch.lengths, elapsed=times)
        return self.readout(self.dropout(output))

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


class ChannelReader(nn.Module):
    """Represents a step by the numbers of its channels, which of them were observed, and when.

    All arguments are those of `LabelNetwork`.
    """

    dropout: nn.Dropout
    inputs: GapInputs
    features: int

    def __init__(self, channels: int, dropout: float, gaps: GapKind, decay: bool) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.inputs = GapInputs(channels, gaps, decay)
        self.features = self.inputs.width

    def forward(self, batch: ChannelBatch) -> Tensor:
        """[B, T, features], with dropout of values in training."""
        inputs: Tensor = self.inputs(self.dropout(batch.values), batch.gaps)
        return inputs


class SentenceReader(nn.Module):
    """Represents a token by the embedding of its word and the final states of a layer over its characters.

    All arguments are those of `LabelNetwork`.
    """

    features: int
    word_dropout: float
    dropout: nn.Dropout
    words: nn.Embedding
    letters: nn.Embedding
    speller: Recurrent

    def __init__(
        self,
        cell: CellType,
        words: int,
        letters: int,
        *,
        embedding: int,
        char_hidden: int,
        word_dropout: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.features = embedding + 2 * char_hidden
        self.word_dropout, self.dropout = word_dropout, nn.Dropout(dropout)
        self.words = _embedding(1 + words, embedding)
        self.letters = _embedding(1 + letters, char_hidden)
        self.speller = Recurrent(cell, char_hidden, char_hidden, batch_first=True, bidirectional=True)

    def forward(self, batch: TokenBatch) -> Tensor:
        """[B, T, embedding + 2 * char_hidden], with dropout in training."""
        words = batch.words
        if self.training and self.word_dropout:
            words = words.masked_fill(
                torch.rand(words.shape, device=words.device) < self.word_dropout, UNKNOWN
            )
        _, last = self.speller(self.letters(batch.letters), lengths=batch.sizes)
        hidden = last if isinstance(last, Tensor) else last[0]  # [2, U, char_hidden]
        spelling_vectors = functional.embedding(batch.spellings, hidden.transpose(0, 1).flatten(1))
        features: Tensor = self.dropout(torch.cat([self.words(words), spelling_vectors], dim=-1))
        return features


def _embedding(count: int, width: int) -> nn.Embedding:
    """Rows of variance 1 / width, so that their norm is about one; the row of the unknown word is zero."""
    embedding = nn.Embedding(count, width)
    nn.init.uniform_(embedding.weight, -((3 / width) ** 0.5), (3 / width) ** 0.5)
    with torch.no_grad():
        embedding.weight[UNKNOWN] = 0
    return embedding
