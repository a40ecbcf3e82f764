"""Beam search over a batch."""

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
    """An output sequence.

    numbers: its symbols, without the end symbol
    score: the log-probability divided by `length_norm`
    attention: the weights of each output symbol [steps, S]; None without attention
    """

    numbers: list[int]
    score: float
    attention: Tensor | None


def length_norm(steps: int, penalty: float) -> float:
    """`((5 + n) / 6) ^ penalty`, by which log-probabilities are divided (Wu et al. 2016).

    >>> length_norm(1, 0.6), length_norm(7, 1.0)
    (1.0, 2.0)
    """
    return float(((5 + steps) / 6) ** penalty)


@dataclass
class _Tree:
    """All hypotheses so far. A node is a symbol, its parent, and the row of its attention weights."""

    symbols: list[Tensor] = field(default_factory=list)  # a tensor [rows] for each step
    parents: list[Tensor] = field(default_factory=list)  # the row of each in the previous step
    attention: list[Tensor | None] = field(default_factory=list)  # [rows of the previous step, S]

    def trace(self, step: int, parent: int, last: int) -> tuple[list[int], Tensor | None]:
        """Traces a hypothesis back from its last symbol and parent; returns symbols and attention."""
        numbers, rows = [last], [parent]
        for previous in range(step - 1, -1, -1):
            numbers.append(int(self.symbols[previous][parent]))
            parent = int(self.parents[previous][parent])
            rows.append(parent)
        steps = zip(self.attention, rows[::-1], strict=False)
        attention = [weights[row] for weights, row in steps if weights is not None]
        return numbers[::-1], torch.stack(attention) if attention else None


def beam_search(
    step: Step[State],
    select: Select[State],
    state: State,
    limits: Tensor,
    *,
    begin: int,
    end: int,
    beam: int = 1,
    penalty: float = 0.0,
) -> list[Hypothesis]:
    """Finds the best sequence of each row of a batch, by `log p / length_norm`.

    The search of a sequence ends at its limit, or when no open hypothesis can exceed the best finished one,
    or when `beam` hypotheses have finished and no open one scores higher at present. If none has finished
    at the limit, the best open hypothesis is returned.

    Args:
        step: maps symbols [rows] and a state to logits [rows, V], the next state, and attention weights
            [rows, S] or None
        select: selects rows of a state, in any order, with repetition
        state: the initial state of the batch, a row for each sequence
        limits: [B], the maximum number of symbols of each sequence, including the end symbol
        begin: the symbol that precedes every sequence
        end: the symbol that ends every sequence
        beam: the number of hypotheses of a sequence; 1 is greedy search
        penalty: the exponent of `length_norm`
    """
    count, device = len(limits), limits.device
    best_finished: list[Hypothesis | None] = [None] * count
    finished = torch.zeros(count, dtype=torch.long)
    active = torch.arange(count)  # the open sequences by number; each is a block of `beam` rows
    state = select(state, torch.arange(count, device=device).repeat_interleave(beam))
    symbols = torch.full((count * beam,), begin, device=device)
    scores = torch.full((count, beam), -torch.inf, device=device)
    scores[:, 0] = 0.0
    tree, limits = _Tree(), limits.cpu()
    for steps in range(1, int(limits.max()) + 1):
        logits, state, attention = step(symbols, state)
        tree.attention.append(None if attention is None else attention.cpu())
        best, candidates, rows = _candidates(logits, scores, beam)
        ends = (candidates == end) & best.isfinite()
        norm = length_norm(steps, penalty)
        ended = ends[:, :beam]  # an end counts only among the `beam` best
        finished[active] += ended.sum(1).cpu()
        for block in ended.any(1).nonzero().flatten().tolist():
            rank = int(ended[block].int().argmax())
            score = float(best[block, rank]) / norm
            previous = best_finished[int(active[block])]
            if previous is None or score > previous.score:
                numbers, weights = tree.trace(steps - 1, int(rows[block, rank]), end)
                best_finished[int(active[block])] = Hypothesis(numbers[:-1], score, weights)
        scores, order = best.masked_fill(candidates == end, -torch.inf).topk(beam)
        symbols, parents = candidates.gather(1, order), rows.gather(1, order)
        is_open = _open(best_finished, active, finished, scores, limits, steps, beam, penalty)
        for block in (~is_open).nonzero().flatten().tolist():
            if best_finished[int(active[block])] is None:
                numbers, weights = tree.trace(steps - 1, int(parents[block, 0]), int(symbols[block, 0]))
                best_finished[int(active[block])] = Hypothesis(
                    numbers, float(scores[block, 0]) / norm, weights
                )
        active = active[is_open]
        if not len(active):
            break
        kept = is_open.to(device)
        scores, symbols, parents = scores[kept], symbols[kept].flatten(), parents[kept].flatten()
        tree.symbols.append(symbols.cpu())
        tree.parents.append(parents.cpu())
        state = select(state, parents)
    return [hypothesis for hypothesis in best_finished if hypothesis is not None]


def _candidates(logits: Tensor, scores: Tensor, beam: int) -> tuple[Tensor, Tensor, Tensor]:
    """Selects the best `2 beam` continuations of each sequence: scores, symbols, parent rows [B, 2 beam].

    Twice the beam, because each hypothesis has one continuation that ends.
    """
    count, width = len(scores), min(2 * beam, logits.shape[1])
    top, symbols = logits.topk(width, dim=1)
    top = top - logits.logsumexp(1, keepdim=True) + scores.view(-1, 1)
    require_no_nan(top, "the scores of the next symbol")
    best, positions = top.view(count, -1).topk(min(2 * beam, beam * width), dim=1)
    rows = positions // width + beam * torch.arange(count, device=logits.device).unsqueeze(1)
    return best, symbols.view(count, -1).gather(1, positions), rows


def _open(
    best_finished: list[Hypothesis | None],
    active: Tensor,
    finished: Tensor,
    scores: Tensor,
    limits: Tensor,
    steps: int,
    beam: int,
    penalty: float,
) -> Tensor:
    """[active], bool: whether the search of each active sequence continues."""
    best_open = scores[:, 0].cpu()
    norms_at_limit = torch.tensor([length_norm(int(limits[sequence]), penalty) for sequence in active])
    # With few symbols, ends of negligible probability are among the best: their number alone is no criterion.
    hypotheses = [best_finished[int(sequence)] for sequence in active]
    best = torch.tensor([-torch.inf if known is None else known.score for known in hypotheses])
    incomplete = (finished[active] < beam) | (best_open / length_norm(steps, penalty) > best)
    return (limits[active] > steps) & incomplete & (best_open / norms_at_limit > best)
