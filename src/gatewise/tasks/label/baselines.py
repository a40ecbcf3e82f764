"""Baselines for labels: the most frequent label of each token, and a linear model of a window."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.baselines.logistic import LinearModel, fit_logistic, fit_path
from gatewise.data.labels.labelled import StepBatch, Steps
from gatewise.data.labels.token_steps import NO_LABEL, TokenBatch
from gatewise.modules.network import Baseline
from gatewise.modules.windows import context_windows
from gatewise.tasks.label.network import Labeller

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SEQUENCES_AT_ONCE = 256
PENALTIES = (10.0, 1.0, 0.1)
MAX_FEATURES = 2**24  # numbers in the features of all steps; beyond, only every n-th sequence is used
BUCKETS = 2**16
GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # odd, and mixes bits well: 2^64 over the golden ratio
AFFIXES = (1, 2, 3)


class MajorityLabel(Labeller, Baseline):
    """The most frequent label of the token; that of all steps if the token is unknown or there are no tokens.

    Args:
        labels: K, the number of labels
        tokens: the number of known tokens, set by `fit`
    """

    hashes: Tensor
    usual: Tensor
    overall: Tensor

    def __init__(self, labels: int, tokens: int = 0) -> None:
        super().__init__(labels)
        self.register_buffer("hashes", torch.zeros(tokens, dtype=torch.long))
        self.register_buffer("usual", torch.zeros(tokens, dtype=torch.long))
        self.register_buffer("overall", torch.zeros((), dtype=torch.long))

    def forward(self, batch: StepBatch) -> Tensor:
        labels = self.overall.expand(batch.labels.shape)
        if isinstance(batch, TokenBatch) and len(self.hashes):
            hashes = spelling_hashes(batch.letters, batch.sizes)[batch.spellings]
            rows = torch.searchsorted(self.hashes, hashes).clamp(max=len(self.hashes) - 1)
            labels = torch.where(self.hashes[rows] == hashes, self.usual[rows], labels)
        return functional.one_hot(labels, self.labels).float()

    def fit(self, train: Steps, validation: Steps) -> None:
        labels, hashes = [], []
        for batch in batches(train):
            is_labelled = batch.labels != NO_LABEL
            labels.append(batch.labels[is_labelled])
            if isinstance(batch, TokenBatch):
                hashes.append(spelling_hashes(batch.letters, batch.sizes)[batch.spellings][is_labelled])
        flat = torch.cat(labels)
        frequencies = flat.bincount(minlength=self.labels)
        self.overall = frequencies.argmax()
        if hashes:
            self.hashes, token = torch.cat(hashes).unique(return_inverse=True)
            pairs, counts = (token * self.labels + flat).unique(return_counts=True)
            token, label = pairs // self.labels, pairs % self.labels
            # Sorts by token, then by the frequency of the label for the token, then by its total frequency.
            order = np.lexsort((frequencies[label].numpy(), counts.numpy(), token.numpy()))
            last = np.flatnonzero(np.diff(token.numpy()[order], append=-1))
            self.usual = label[torch.from_numpy(order[last])]

    def options(self) -> dict[str, Any]:
        return {**super().options(), "tokens": len(self.hashes)}


class WindowModel(Labeller, Baseline):
    """Softmax regression on a window around a step; its penalty is chosen on the validation set.

    Args:
        labels: K, the number of labels
        reach: the number of steps before and after the step
    """

    def __init__(self, labels: int, reach: int) -> None:
        super().__init__(labels)
        self.reach = reach

    @abstractmethod
    def features(self, batch: Any) -> Tensor:
        """Computes the features [B, T, F] of the window of each step; padding has none."""

    @abstractmethod
    def logits(self, features: Tensor) -> Tensor:
        """Features [N, F] -> logits [N, K]."""

    def forward(self, batch: StepBatch) -> Tensor:
        return self.logits(self.features(batch).flatten(0, 1)).unflatten(0, batch.labels.shape)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "reach": self.reach}

    def collect(self, split: Steps) -> tuple[Tensor, Tensor]:
        """Features [N, F] and labels [N] of the labelled steps."""
        width = self.features(next(batches(split))).shape[-1]
        stride = -(-int(split.sizes.sum()) * width // MAX_FEATURES)
        features, labels = [], []
        for batch in batches(split, stride):
            is_labelled = batch.labels != NO_LABEL
            features.append(self.features(batch)[is_labelled])
            labels.append(batch.labels[is_labelled])
        return torch.cat(features), torch.cat(labels)


class TokenWindow(WindowModel):
    """A window of tokens, by spelling and vocabulary word; prefixes and suffixes of the step's own token.

    Each feature is hashed to one of 2^16 rows of coefficients (Weinberger et al. 2009), which are summed:
    `argmin -sum log p(label) + a |W|^2 / 2`.
    """

    bias: nn.Parameter

    def __init__(self, labels: int, reach: int = 2) -> None:
        super().__init__(labels, reach)
        self.weights = nn.EmbeddingBag(BUCKETS, labels, mode="sum").requires_grad_(False)
        self.bias = nn.Parameter(torch.zeros(labels), requires_grad=False)
        nn.init.zeros_(self.weights.weight)

    def features(self, batch: TokenBatch) -> Tensor:
        is_padding = torch.arange(batch.words.shape[1], device=batch.words.device) >= batch.lengths[:, None]
        spelling_hash, *affixes = (
            hashes[batch.spellings] for hashes in spelling_features(batch.letters, batch.sizes)
        )
        tokens = torch.stack([spelling_hash, batch.words], dim=-1).masked_fill(is_padding.unsqueeze(-1), -1)
        around = functional.pad(tokens, (0, 0, self.reach, self.reach), value=-1).unfold(
            1, 2 * self.reach + 1, 1
        )
        features = torch.cat([around.flatten(2), torch.stack(affixes, dim=-1)], dim=-1)
        column = torch.arange(
            features.shape[-1], device=features.device
        )  # each feature has a hash function of its own
        return ((features * (2 * column + 1) + column + 1) * GOLDEN >> 40) % BUCKETS

    def logits(self, features: Tensor) -> Tensor:
        return self.weights(features) + self.bias

    def fit(self, train: Steps, validation: Steps) -> None:
        features, labels = self.collect(train)
        validation_features, validation_labels = self.collect(validation)
        rows, counts = _count_rows(features)

        def validation_loss(model: LinearModel) -> float:
            self._set(rows, model)
            return float(functional.cross_entropy(self.logits(validation_features), validation_labels))

        penalties = [penalty / len(labels) for penalty in PENALTIES]
        path = fit_path(counts, labels.numpy(), self.labels, penalties)
        self._set(rows, min(path, key=validation_loss))

    def _set(self, rows: np.ndarray, model: LinearModel) -> None:
        """Sets the coefficients of the rows that occur; others are zero."""
        self.weights.weight.zero_()
        self.weights.weight[torch.from_numpy(rows)] = model.weight.T.float()
        self.bias.copy_(model.bias)


class ChannelWindow(WindowModel):
    """A window of numbers.

    Args:
        channels: C, the number of channels of a step
    """

    linear: nn.Linear

    def __init__(self, labels: int, channels: int, reach: int = 5) -> None:
        super().__init__(labels, reach)
        self.channels = channels
        self.linear = nn.Linear((2 * reach + 1) * channels, labels).requires_grad_(False)

    def features(self, batch: Any) -> Tensor:
        return context_windows(batch.values, batch.lengths, self.reach)

    def logits(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def fit(self, train: Steps, validation: Steps) -> None:
        weight, bias = fit_logistic(*self.collect(train), *self.collect(validation), self.labels)
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "channels": self.channels}


def _count_rows(features: Tensor) -> tuple[np.ndarray, csr_array]:
    """The rows that occur in features [N, F], and their counts at each step [N, rows]."""
    from scipy.sparse import csr_array

    rows, columns = np.unique(features.numpy(), return_inverse=True)
    count, width = features.shape
    starts = np.arange(0, count * width + 1, width)
    return rows, csr_array((np.ones(count * width), columns.ravel(), starts), shape=(count, len(rows)))


def batches(split: Steps, stride: int = 1) -> Iterator[StepBatch]:
    """All sequences of a split, or every n-th, in batches of similar length."""
    order = np.argsort(split.sizes, kind="stable")[::stride]
    for first in range(0, len(order), SEQUENCES_AT_ONCE):
        yield split.__getitems__(order[first : first + SEQUENCES_AT_ONCE].tolist())


def spelling_hashes(letters: Tensor, sizes: Tensor) -> Tensor:
    """Hashes spellings [U, L] to numbers [U], the same in every batch."""
    hashes = sizes.clone()
    for column in letters.unbind(1):  # padding is 0 and must not change the hash
        hashes = torch.where(column > 0, (hashes ^ column) * GOLDEN + (hashes >> 29), hashes)
    return hashes


def spelling_features(letters: Tensor, sizes: Tensor) -> list[Tensor]:
    """Hashes of each spelling [U, L], and of its prefixes and suffixes of one to three letters."""
    features = [spelling_hashes(letters, sizes)]
    for count in AFFIXES:
        first = letters[:, :count]
        last = (sizes.unsqueeze(1) - 1 - torch.arange(count, device=sizes.device)).clamp(min=0)
        features += [_affix_code(first), _affix_code(letters.gather(1, last))]
    return features


def _affix_code(letters: Tensor) -> Tensor:
    """Encodes letters [U, n] as one number [U]."""
    return (letters * (1 << 20) ** torch.arange(letters.shape[1], device=letters.device)).sum(1)
