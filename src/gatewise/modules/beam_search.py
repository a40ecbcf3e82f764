"""Beam search over a batch: the likeliest sequences that few hypotheses at a time can find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from gatewise.modules.finite import require_no_nan

State = TypeVar("State")
Step = Callable[[Tensor, State], tuple[Tensor, State, Tensor | None]]
Select = Callable[[State, Tensor], State]


class Hypothesis(NamedTuple):
    """A sequence without its end symbol, its score, and what was looked at for each symbol, [steps, S]."""

    numbers: list[int]
    score: float
    looked: Tensor | None


def length_norm(steps: int, penalty: float) -> float:
    """`((5 + n) / 6) ^ penalty`, by which log-probabilities are divided (Wu et al. 2016).

    >>> length_norm(1, 0.6), length_norm(7, 1.0)
    (1.0, 2.0)
    """
    return float(((5 + steps) / 6) ** penalty)


@dataclass
class _Tree:
    """All hypotheses so far. A node is a symbol, its parent, and the row of what was looked at for it."""

    symbols: list[Tensor] = field(default_factory=list)  # of each step, [rows]
    parents: list[Tensor] = field(default_factory=list)  # each one's row among those of the step before
    looked: list[Tensor | None] = field(default_factory=list)  # [rows of the step before, S]

    def read(self, step: int, parent: int, last: int) -> tuple[list[int], Tensor | None]:
        """All symbols up to `last`, told at a step after its parent; and what was looked at for each."""
        numbers, rows = [last], [parent]
        for at in range(step - 1, -1, -1):
            numbers.append(int(self.symbols[at][parent]))
            parent = int(self.parents[at][parent])
            rows.append(parent)
        looked = [seen[row] for seen, row in zip(self.looked, rows[::-1], strict=False) if seen is not None]
        return numbers[::-1], torch.stack(looked) if looked else None


def beam_search(
    step: Step[State], select: Select[State], state: State, limits: Tensor, *,
    begin: int, end: int, beam: int = 1, penalty: float = 0.0,
) -> list[Hypothesis]:  # fmt: skip
    """The best sequence of each row of a batch, by `log p / length_norm`.

    step: symbols [rows] and a state -> logits [rows, V], the next state, what was looked at [rows, S] or None
    select: some rows of a state, in any order, any number of times
    state: of the batch, a row for each sequence; limits: [B], the most symbols of each, the end counted in
    begin, end: symbols; beam: hypotheses of a sequence that are followed at a time (1: the greedy one)

    A sequence is done when `beam` hypotheses have ended among its best and none that goes on scores higher
    as it stands, when none that goes on can become better than the best that has ended, or at its limit;
    where none has ended there, the best that goes on is it.
    """
    count, device = len(limits), limits.device
    found: list[Hypothesis | None] = [None] * count
    ended = torch.zeros(count, dtype=torch.long)
    alive = torch.arange(count)  # those that are not done, by number; a block of `beam` rows each
    state = select(state, torch.arange(count, device=device).repeat_interleave(beam))
    symbols = torch.full((count * beam,), begin, device=device)
    scores = torch.full((count, beam), -torch.inf, device=device)
    scores[:, 0] = 0.0
    tree, limits = _Tree(), limits.cpu()
    for steps in range(1, int(limits.max()) + 1):
        logits, state, looked = step(symbols, state)
        tree.looked.append(None if looked is None else looked.cpu())
        best, which, rows = _candidates(logits, scores, beam)
        ends = (which == end) & best.isfinite()
        norm = length_norm(steps, penalty)
        first = ends[:, :beam]  # only those that are among the best as they end
        ended[alive] += first.sum(1).cpu()
        for place in first.any(1).nonzero().flatten().tolist():
            rank = int(first[place].int().argmax())
            score = float(best[place, rank]) / norm
            known = found[int(alive[place])]
            if known is None or score > known.score:
                numbers, seen = tree.read(steps - 1, int(rows[place, rank]), end)
                found[int(alive[place])] = Hypothesis(numbers[:-1], score, seen)
        scores, order = best.masked_fill(which == end, -torch.inf).topk(beam)
        symbols, parents = which.gather(1, order), rows.gather(1, order)
        stay = _undone(found, alive, ended, scores, limits, steps, beam, penalty)
        for place in (~stay).nonzero().flatten().tolist():
            if found[int(alive[place])] is None:
                numbers, seen = tree.read(steps - 1, int(parents[place, 0]), int(symbols[place, 0]))
                found[int(alive[place])] = Hypothesis(numbers, float(scores[place, 0]) / norm, seen)
        alive = alive[stay]
        if not len(alive):
            break
        kept = stay.to(device)
        scores, symbols, parents = scores[kept], symbols[kept].flatten(), parents[kept].flatten()
        tree.symbols.append(symbols.cpu())
        tree.parents.append(parents.cpu())
        state = select(state, parents)
    return [one for one in found if one is not None]


def _candidates(logits: Tensor, scores: Tensor, beam: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best `2 beam` continuations of each sequence, [B, 2 beam]: scores, symbols, rows they go on from.

    Twice as many as are followed, as each hypothesis has one continuation that ends.
    """
    count, wide = len(scores), min(2 * beam, logits.shape[1])
    top, which = logits.topk(wide, dim=1)
    top = top - logits.logsumexp(1, keepdim=True) + scores.view(-1, 1)
    require_no_nan(top, "the scores of the next symbol")
    best, place = top.view(count, -1).topk(min(2 * beam, beam * wide), dim=1)
    rows = place // wide + beam * torch.arange(count, device=logits.device).unsqueeze(1)
    return best, which.view(count, -1).gather(1, place), rows


def _undone(
    found: list[Hypothesis | None], alive: Tensor, ended: Tensor, scores: Tensor, limits: Tensor, steps: int,
    beam: int, penalty: float,
) -> Tensor:  # fmt: skip
    """[alive], which sequences go on."""
    ahead = scores[:, 0].cpu()
    norms = torch.tensor([length_norm(int(limits[one]), penalty) for one in alive])
    # Where symbols are few, ends of next to no probability are among the best: their number says nothing.
    known = torch.tensor([-torch.inf if (one := found[int(row)]) is None else one.score for row in alive])
    wanting = (ended[alive] < beam) | (ahead / length_norm(steps, penalty) > known)
    return (limits[alive] > steps) & wanting & (ahead / norms > known)
