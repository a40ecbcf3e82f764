"""Functions that the baselines of translation and captioning share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gatewise.data.text.ragged import Ragged
from gatewise.data.tokenizers.sentences import END
from gatewise.modules.beam_search import Hypothesis


def symbol_error_rate(predicted: Sequence[Hypothesis], target: Tensor, count: int) -> Tensor:
    """The fraction of wrong symbols, position by position.

    Args:
        predicted: the predicted sequences
        target: [B, T], the true symbols with the end symbol and padding
        count: the number of target symbols without padding
    """
    correct = 0
    for hypothesis, true in zip(predicted, target.tolist(), strict=True):
        pairs = zip([*hypothesis.numbers, END], true, strict=False)
        correct += sum(symbol == expected for symbol, expected in pairs)
    return torch.tensor(1 - correct / count)


def most_frequent_target(targets: Ragged) -> Tensor:
    """The most frequent sequence of symbols, without the end symbol; of several, the first."""
    counts = Counter(targets[row].tobytes() for row in range(len(targets)))
    symbols = np.frombuffer(counts.most_common(1)[0][0], targets.numbers.dtype)[:-1]
    return torch.from_numpy(symbols.astype(np.int64))
