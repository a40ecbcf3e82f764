"""The baselines of transcription: the most frequent text, and a perceptron on a sliding window."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.modules.ctc import BLANK
from gatewise.modules.network import Baseline
from gatewise.modules.windows import context_windows
from gatewise.tasks.transcribe.network import Transcriber, stack_steps

CERTAIN = 20.0  # the logit of each predicted symbol


class MajorityText(Transcriber, Baseline):
    """The most frequent text of the training set; of several, the first in order.

    symbols: V
    size: the number of symbols of that text, after learning
    """

    text: Tensor

    def __init__(self, symbols: int, size: int = 0) -> None:
        super().__init__(symbols)
        self.register_buffer("text", torch.zeros(size, dtype=torch.long))

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        path = torch.full((2 * len(self.text) + 1,), BLANK, device=values.device)
        path[1::2] = self.text
        logits = CERTAIN * torch.eye(1 + self.symbols, device=values.device)[path]
        return logits.expand(len(values), -1, -1), torch.full_like(lengths, len(path))

    def fit(self, train: Any, validation: Any) -> None:
        counts = Counter(tuple(target.tolist()) for target in train.targets)
        text = min(counts, key=lambda target: (-counts[target], target))
        self.text = torch.tensor(text, dtype=torch.long)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "size": len(self.text)}


class WindowTranscriber(Transcriber):
    """A perceptron on a window of steps: `logits = W2 relu(W1 window)`, trained as the networks are.

    symbols: V
    channels: C of a step
    stack_frames: consecutive steps concatenated into one
    reach: stacked steps before and after each
    hidden: H
    """

    stack_frames: int
    reach: int
    body: nn.Sequential

    def __init__(
        self, symbols: int, channels: int, stack_frames: int = 1, reach: int = 3, hidden: int = 128
    ) -> None:
        super().__init__(symbols)
        self._options = {"channels": channels, "stack_frames": stack_frames, "reach": reach, "hidden": hidden}
        self.stack_frames, self.reach = stack_frames, reach
        self.body = nn.Sequential(
            nn.Linear((2 * reach + 1) * stack_frames * channels, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1 + symbols),
        )

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        values, lengths = stack_steps(values, lengths, self.stack_frames)
        return self.body(context_windows(values, lengths, self.reach)), lengths

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}
