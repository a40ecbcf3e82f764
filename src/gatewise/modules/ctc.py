"""Connectionist temporal classification: the text of a sequence, learned without an alignment.

A network gives each step a distribution over the symbols and a blank. A path is one of them for each step;
its text is what remains when repeats are joined and blanks taken out. `p(text)` is the sum over its paths.

Source: Graves, Fernandez, Gomez and Schmidhuber 2006.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

BLANK = 0
NOWHERE = -2  # the size of a prefix that is none


def negative_log_likelihood(logits: Tensor, lengths: Tensor, targets: Tensor, sizes: Tensor) -> Tensor:
    """[B], `-log p(text)`; infinite where a text needs more steps than there are.

    logits: [B, T, 1 + V], the blank first; lengths: [B]; targets: [B, L] in 1..V; sizes: [B], of the texts
    """
    logs = functional.log_softmax(logits, dim=-1).transpose(0, 1)
    return functional.ctc_loss(logs, targets, lengths, sizes, blank=BLANK, reduction="none")


def steps_needed(text: list[int]) -> int:
    """The length of a text's shortest path: a blank must part equal neighbours.

    >>> steps_needed([1, 1, 2])
    4
    """
    return len(text) + sum(one == other for one, other in pairwise(text))


def best_path(logits: Tensor, lengths: Tensor) -> list[list[int]]:
    """The text of each row's most likely path, which need not be the most likely text.

    >>> logits = torch.eye(3)[[1, 1, 0, 1, 2, 2]].unsqueeze(0)
    >>> best_path(logits, torch.tensor([6])), best_path(logits, torch.tensor([2]))
    ([[1, 1, 2]], [[1]])
    """
    found = []
    for path, length in zip(logits.argmax(-1).cpu(), lengths.tolist(), strict=True):
        joined = path[:length].unique_consecutive()
        found.append(joined[joined != BLANK].tolist())
    return found


@torch.no_grad()
def beam_search(logits: Tensor, lengths: Tensor, beam: int = 8) -> tuple[list[list[int]], Tensor]:
    """The most likely text of each row, and the log of its probability, among those found.

    Goes through the steps with the `beam` most likely beginnings of a text, for each of which it adds up the
    paths that end in a blank and those that end in the last symbol (Hannun et al. 2014).

    logits: [B, T, 1 + V], the blank first; lengths: [B]
    """
    logs = functional.log_softmax(logits.double(), dim=-1)
    beyond = torch.arange(logits.shape[1], device=logits.device) >= lengths.to(logits.device)[:, None]
    stay = torch.full_like(logs[0, 0], -torch.inf)
    stay[BLANK] = 0  # beyond the end a blank is certain, which changes no text
    logs = torch.where(beyond.unsqueeze(-1), stay, logs)
    prefixes = _Prefixes.begin(logs, beam)
    for step in range(logs.shape[1]):
        prefixes = prefixes.extended(logs[:, step])
    total, best = prefixes.total().max(1)
    rows = torch.arange(len(best), device=best.device)
    texts, sizes = prefixes.symbols[rows, best], prefixes.sizes[rows, best]
    return [text[:size].tolist() for text, size in zip(texts.cpu(), sizes.tolist(), strict=True)], total


class _Prefixes:
    """The beginnings of texts that a search holds, K for each row.

    symbols: [B, K, L], 0 beyond sizes [B, K]; blank, symbol: [B, K], logs of the paths by what they end in
    """

    def __init__(self, symbols: Tensor, sizes: Tensor, blank: Tensor, symbol: Tensor) -> None:
        self.symbols, self.sizes, self.blank, self.symbol = symbols, sizes, blank, symbol

    @classmethod
    def begin(cls, logs: Tensor, beam: int) -> _Prefixes:
        """The empty text, and nothing else yet."""
        nothing = logs.new_full((len(logs), beam), -torch.inf)
        blank, sizes = nothing.clone(), torch.full_like(nothing, NOWHERE, dtype=torch.long)
        blank[:, 0], sizes[:, 0] = 0, 0
        return cls(sizes.new_zeros(len(logs), beam, 1), sizes, blank, nothing)

    def total(self) -> Tensor:
        return torch.logaddexp(self.blank, self.symbol)

    def extended(self, logs: Tensor) -> _Prefixes:
        """After a step with these logs [B, 1 + V]."""
        beam = self.sizes.shape[1]
        last = self._last()
        blank = self.total() + logs[:, :1]
        symbol = self.symbol + logs.gather(1, last)
        longer = self._longer(logs, last)
        child = self._children()
        among = last.sub(1).clamp(min=0)  # of the symbols, without the blank
        ways = longer.gather(2, among.unsqueeze(1).expand(-1, beam, -1))  # [B, K, K]: from i on by j's last
        symbol = torch.logaddexp(symbol, ways.masked_fill(~child, -torch.inf).logsumexp(1))
        taken = child.double() @ functional.one_hot(among, longer.shape[-1]).double() > 0
        longer = longer.masked_fill(taken, -torch.inf)
        kept, chosen = torch.cat([torch.logaddexp(blank, symbol), longer.flatten(1)], dim=1).topk(beam)
        return self._select(kept, chosen, blank, symbol, longer)

    def _last(self) -> Tensor:
        """[B, K]: the last symbol of each prefix; the blank where there is none."""
        last = self.symbols.gather(2, self.sizes.sub(1).clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return last.masked_fill(self.sizes <= 0, BLANK)

    def _longer(self, logs: Tensor, last: Tensor) -> Tensor:
        """[B, K, V]: each prefix and one symbol more; the same as its last only after a blank."""
        repeats = functional.one_hot(last, logs.shape[-1])[..., 1:].bool()
        before = torch.where(repeats, self.blank.unsqueeze(-1), self.total().unsqueeze(-1))
        return before + logs[:, None, 1:]

    def _children(self) -> Tensor:
        """[B, K, K]: whether prefix j is prefix i and one symbol more."""
        places = torch.arange(self.symbols.shape[-1], device=self.symbols.device)
        parents = self.symbols.masked_fill(places == self.sizes.unsqueeze(-1) - 1, 0)
        same = (self.symbols.unsqueeze(2) == parents.unsqueeze(1)).all(-1)
        return same & (self.sizes.unsqueeze(2) + 1 == self.sizes.unsqueeze(1))

    def _select(
        self, kept: Tensor, chosen: Tensor, blank: Tensor, symbol: Tensor, longer: Tensor
    ) -> _Prefixes:
        """The chosen ones of all prefixes as they are, then of all with one symbol more."""
        beam, symbols = longer.shape[1:]
        grown = chosen >= beam
        origin = torch.where(grown, (chosen - beam) // symbols, chosen)
        added = (chosen - beam) % symbols + 1
        sizes = self.sizes.gather(1, origin)
        texts = self.symbols.gather(1, origin.unsqueeze(-1).expand(-1, -1, self.symbols.shape[-1]))
        if int(sizes.max()) == texts.shape[-1]:
            texts = functional.pad(texts, (0, texts.shape[-1]))
        place = sizes.clamp(min=0).unsqueeze(-1)
        texts = texts.scatter(2, place, torch.where(grown, added, 0).unsqueeze(-1))
        dead = kept == -torch.inf
        return _Prefixes(
            texts,
            (sizes + grown.long()).masked_fill(dead, NOWHERE),
            blank.gather(1, origin).masked_fill(grown | dead, -torch.inf),
            torch.where(grown, kept, symbol.gather(1, origin)).masked_fill(dead, -torch.inf),
        )
