"""Connectionist temporal classification: the text of a sequence, learned without an alignment.

A network predicts a distribution over the symbols and a blank at each step. A path selects one of them at
each step; its text is the path with repeats merged and blanks removed. `p(text)` sums over its paths.

Source: Graves, Fernandez, Gomez and Schmidhuber 2006.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

BLANK = 0
UNUSED = -2  # the size of an empty slot of the beam


def negative_log_likelihood(logits: Tensor, lengths: Tensor, targets: Tensor, sizes: Tensor) -> Tensor:
    """[B], `-log p(text)`; infinite if a text needs more steps than there are.

    Args:
        logits: [B, T, 1 + V], the blank first
        lengths: [B], in steps
        targets: [B, L], symbols in 1..V
        sizes: [B], the lengths of the texts
    """
    logs = functional.log_softmax(logits, dim=-1).transpose(0, 1)
    return functional.ctc_loss(logs, targets, lengths, sizes, blank=BLANK, reduction="none")


def steps_needed(text: list[int]) -> int:
    """The length of a text's shortest path, which has a blank between equal neighbours.

    >>> steps_needed([1, 1, 2])
    4
    """
    return len(text) + sum(symbol == following for symbol, following in pairwise(text))


def best_path(logits: Tensor, lengths: Tensor) -> list[list[int]]:
    """The text of each row's most likely path, which need not be the most likely text.

    >>> logits = torch.eye(3)[[1, 1, 0, 1, 2, 2]].unsqueeze(0)
    >>> best_path(logits, torch.tensor([6])), best_path(logits, torch.tensor([2]))
    ([[1, 1, 2]], [[1]])
    """
    texts = []
    for path, length in zip(logits.argmax(-1).cpu(), lengths.tolist(), strict=True):
        merged = path[:length].unique_consecutive()
        texts.append(merged[merged != BLANK].tolist())
    return texts


@torch.no_grad()
def beam_search(logits: Tensor, lengths: Tensor, beam: int = 8) -> tuple[list[list[int]], Tensor]:
    """Searches the most likely text of each row by prefix beam search (Hannun et al. 2014).

    At each step the `beam` most likely prefixes are kept. For each, the probabilities of the paths that end
    in a blank and of those that end in the last symbol are summed separately.

    Args:
        logits: [B, T, 1 + V], the blank first
        lengths: [B], in steps
        beam: the number of prefixes

    Returns:
        the texts, and the logarithms of their probabilities [B]
    """
    logs = functional.log_softmax(logits.double(), dim=-1)
    is_padding = torch.arange(logits.shape[1], device=logits.device) >= lengths.to(logits.device)[:, None]
    blank = torch.full_like(logs[0, 0], -torch.inf)
    blank[BLANK] = 0  # padding is a certain blank, which changes no text
    logs = torch.where(is_padding.unsqueeze(-1), blank, logs)
    prefixes = _Prefixes.initial(logs, beam)
    for step in range(logs.shape[1]):
        prefixes = prefixes.extend(logs[:, step])
    total, best = prefixes.total().max(1)
    rows = torch.arange(len(best), device=best.device)
    texts, sizes = prefixes.symbols[rows, best], prefixes.sizes[rows, best]
    return [text[:size].tolist() for text, size in zip(texts.cpu(), sizes.tolist(), strict=True)], total


class _Prefixes:
    """The prefixes of a search, K for each row.

    symbols: [B, K, L], zero beyond the sizes
    sizes: [B, K], the lengths of the prefixes
    blank: [B, K], the log-probabilities of the paths that end in a blank
    symbol: [B, K], the log-probabilities of the paths that end in the last symbol
    """

    def __init__(self, symbols: Tensor, sizes: Tensor, blank: Tensor, symbol: Tensor) -> None:
        self.symbols, self.sizes, self.blank, self.symbol = symbols, sizes, blank, symbol

    @classmethod
    def initial(cls, logs: Tensor, beam: int) -> _Prefixes:
        """The empty prefix in the first slot; the other slots are unused."""
        impossible = logs.new_full((len(logs), beam), -torch.inf)
        blank, sizes = impossible.clone(), torch.full_like(impossible, UNUSED, dtype=torch.long)
        blank[:, 0], sizes[:, 0] = 0, 0
        return cls(sizes.new_zeros(len(logs), beam, 1), sizes, blank, impossible)

    def total(self) -> Tensor:
        """[B, K]: the log-probability of each prefix."""
        return torch.logaddexp(self.blank, self.symbol)

    def extend(self, logs: Tensor) -> _Prefixes:
        """The prefixes after one more step, with log-probabilities [B, 1 + V]."""
        beam = self.sizes.shape[1]
        last = self._last()
        blank = self.total() + logs[:, :1]
        symbol = self.symbol + logs.gather(1, last)
        extensions = self._extensions(logs, last)
        is_parent = self._is_parent()
        last_symbol = last.sub(1).clamp(min=0)  # among the symbols without the blank
        # [B, K, K]: prefix i, extended by the last symbol of prefix j
        by_last = extensions.gather(2, last_symbol.unsqueeze(1).expand(-1, beam, -1))
        symbol = torch.logaddexp(symbol, by_last.masked_fill(~is_parent, -torch.inf).logsumexp(1))
        in_beam = is_parent.double() @ functional.one_hot(last_symbol, extensions.shape[-1]).double() > 0
        extensions = extensions.masked_fill(in_beam, -torch.inf)
        unchanged = torch.logaddexp(blank, symbol)
        scores, chosen = torch.cat([unchanged, extensions.flatten(1)], dim=1).topk(beam)
        return self._select(scores, chosen, blank, symbol, symbols=extensions.shape[-1])

    def _last(self) -> Tensor:
        """[B, K]: the last symbol of each prefix; the blank for an empty one."""
        last = self.symbols.gather(2, self.sizes.sub(1).clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return last.masked_fill(self.sizes <= 0, BLANK)

    def _extensions(self, logs: Tensor, last: Tensor) -> Tensor:
        """[B, K, V]: each prefix with each symbol appended; its last symbol repeats only after a blank."""
        repeats = functional.one_hot(last, logs.shape[-1])[..., 1:].bool()
        before = torch.where(repeats, self.blank.unsqueeze(-1), self.total().unsqueeze(-1))
        return before + logs[:, None, 1:]

    def _is_parent(self) -> Tensor:
        """[B, K, K]: whether prefix j is prefix i with one symbol appended."""
        positions = torch.arange(self.symbols.shape[-1], device=self.symbols.device)
        parents = self.symbols.masked_fill(positions == self.sizes.unsqueeze(-1) - 1, 0)
        same = (self.symbols.unsqueeze(2) == parents.unsqueeze(1)).all(-1)
        return same & (self.sizes.unsqueeze(2) + 1 == self.sizes.unsqueeze(1))

    def _select(
        self, scores: Tensor, chosen: Tensor, blank: Tensor, symbol: Tensor, symbols: int
    ) -> _Prefixes:
        """Selects prefixes by number: first all K unchanged ones, then all K * V extensions.

        scores, chosen: [B, K], the log-probabilities and numbers of the selected prefixes
        symbols: V, the number of symbols
        """
        beam = self.sizes.shape[1]
        is_extended = chosen >= beam
        origin = torch.where(is_extended, (chosen - beam) // symbols, chosen)
        appended = (chosen - beam) % symbols + 1
        sizes = self.sizes.gather(1, origin)
        texts = self.symbols.gather(1, origin.unsqueeze(-1).expand(-1, -1, self.symbols.shape[-1]))
        if int(sizes.max()) == texts.shape[-1]:
            texts = functional.pad(texts, (0, texts.shape[-1]))
        end = sizes.clamp(min=0).unsqueeze(-1)
        texts = texts.scatter(2, end, torch.where(is_extended, appended, 0).unsqueeze(-1))
        is_unused = scores == -torch.inf
        return _Prefixes(
            texts,
            (sizes + is_extended.long()).masked_fill(is_unused, UNUSED),
            blank.gather(1, origin).masked_fill(is_extended | is_unused, -torch.inf),
            torch.where(is_extended, scores, symbol.gather(1, origin)).masked_fill(is_unused, -torch.inf),
        )
