"""The network that gives each step of a sequence a label: any cell, in one direction or both."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.labels.token_steps import NONE, UNKNOWN, TokenBatch
from gatewise.layers import Recurrent
from gatewise.modules.network import Network


class Labeller(Network):
    """Scores every label at each step: the network, and what it must beat.

    labels: K, how many there are
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.labels = labels

    @abstractmethod
    def forward(self, batch: Any) -> Tensor:
        """[B, T, K]: the logits of each step."""

    def loss(self, batch: Any) -> Tensor:
        """The mean negative log-likelihood of the labels, over all steps that have one."""
        logits, labels = self(batch).flatten(0, 1), batch.labels.flatten()
        total = functional.cross_entropy(logits, labels, ignore_index=NONE, reduction="sum")
        return total / max(self.weight(batch), 1)

    def weight(self, batch: Any) -> int:
        return int((batch.labels != NONE).sum())

    def options(self) -> dict[str, Any]:
        return {"labels": self.labels}


class LabelNetwork(Labeller):
    """A stack of any cell over the steps; each step's hidden becomes the logits of its labels.

    labels: K; cell: the equations
    words, letters: how many are known, for sentences; channels: C numbers a step, where they are none
    hidden, layers: H of each direction, and the depth; both: from both ends, else from the first step on
    width: of a word's embedding; spelling: units of each direction that read a word's letters
    dropout: before and after the stack, and between its layers
    forget_words: the share of words that training takes for unknown, so that they are told by their letters

    For sentences `x_t = [word_t, spelling_t]`, the spelling read letter by letter from both ends
    (Lample et al. 2016, Neural architectures for named entity recognition).

    >>> from gatewise.cells import LSTM
    >>> from gatewise.data.labels.channel_steps import ChannelBatch
    >>> network = LabelNetwork(4, LSTM, channels=3, hidden=8)
    >>> lengths, labels = torch.tensor([5, 2]), torch.zeros(2, 5, dtype=torch.long)
    >>> network(ChannelBatch(torch.randn(2, 5, 3), lengths, labels)).shape
    torch.Size([2, 5, 4])
    """

    def __init__(
        self,
        labels: int,
        cell: CellType,
        words: int = 0,
        letters: int = 0,
        channels: int = 0,
        hidden: int = 64,
        layers: int = 1,
        both: bool = True,
        width: int = 64,
        spelling: int = 24,
        dropout: float = 0.0,
        forget_words: float = 0.0,
    ) -> None:
        super().__init__(labels)
        self._options = {
            "cell": cell, "words": words, "letters": letters, "channels": channels, "hidden": hidden,
            "layers": layers, "both": both, "width": width, "spelling": spelling, "dropout": dropout,
            "forget_words": forget_words,
        }  # fmt: skip
        self.reader = (
            None if channels else SentenceReader(cell, words, letters, width, spelling, forget_words)
        )
        self.dropout = nn.Dropout(dropout)
        self.recurrent = Recurrent(
            cell, channels if self.reader is None else self.reader.features, hidden, layers, batch_first=True,
            dropout=dropout if layers > 1 else 0.0, bidirectional=both,
        )  # fmt: skip
        self.readout = nn.Linear(hidden * (1 + both), labels)

    def forward(self, batch: Any) -> Tensor:
        steps = batch.values if self.reader is None else self.reader(batch)
        output, _ = self.recurrent(self.dropout(steps), lengths=batch.lengths)
        return self.readout(self.dropout(output))

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


class SentenceReader(nn.Module):
    """Each token as the embedding of its word, and the last hiddens of a layer that reads its letters.

    words, letters: how many are known; width: of a word's embedding; spelling: units of each direction
    """

    def __init__(
        self, cell: CellType, words: int, letters: int, width: int, spelling: int, forget_words: float
    ) -> None:
        super().__init__()
        self.features = width + 2 * spelling
        self.forget_words = forget_words
        self.words = _embedding(1 + words, width)
        self.letters = _embedding(1 + letters, spelling)
        self.speller = Recurrent(cell, spelling, spelling, batch_first=True, bidirectional=True)

    def forward(self, batch: TokenBatch) -> Tensor:
        """[B, T, width + 2 * spelling]."""
        words = batch.words
        if self.training and self.forget_words:
            words = words.masked_fill(
                torch.rand(words.shape, device=words.device) < self.forget_words, UNKNOWN
            )
        _, last = self.speller(self.letters(batch.letters), lengths=batch.sizes)
        hidden = last if isinstance(last, Tensor) else last[0]  # [2, U, spelling]
        spelt = functional.embedding(batch.spellings, hidden.transpose(0, 1).flatten(1))
        return torch.cat([self.words(words), spelt], dim=-1)


def _embedding(count: int, width: int) -> nn.Embedding:
    """Of variance 1/width, so that a row has length one; what is unknown starts as nothing."""
    embedding = nn.Embedding(count, width)
    nn.init.uniform_(embedding.weight, -((3 / width) ** 0.5), (3 / width) ** 0.5)
    with torch.no_grad():
        embedding.weight[UNKNOWN] = 0
    return embedding
