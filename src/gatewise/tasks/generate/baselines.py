"""N-gram language models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gatewise.data.text.streams import TextStreams
from gatewise.errors import GatewiseError
from gatewise.layers.states import State
from gatewise.modules.network import Baseline
from gatewise.tasks.generate.network import NextSymbol, text_nll

MAX_ORDER = 7
MAX_COUNTED = 2**23  # symbols of a text that are counted: the last ones before the validation set
CHUNK_SIZE = 2**18  # symbols that are counted at once


class Ngram(NextSymbol, Baseline):
    """Interpolated n-grams with modified Kneser-Ney smoothing (Chen and Goodman 1999, there section 3).

    `p(w | v u) = (a(v u w) - D(a)) / sum_w a(v u w) + b(v u) p(w | u)`, where `a` counts how often `v u w`
    occurs, or, in lower orders, after how many different symbols; `D` is one of three discounts, for 1, 2,
    and more; `b` is the discounted mass. Below the first order, the distribution is uniform.

    symbols: V
    order: the length of the longest n-gram; 0 chooses it on the validation set
    sizes: the numbers of n-grams and contexts of each order, to load a saved model

    >>> model = Ngram(symbols=3, order=2).counted([np.array([0, 1, 0, 1, 0, 1, 0, 2])])
    >>> model.next(torch.tensor([[1]]))[0].exp()[0].argmax()
    tensor(0)
    """

    symbols: int
    order: int

    def __init__(self, symbols: int, order: int = 0, sizes: Sequence[Sequence[int]] = ()) -> None:
        super().__init__()
        self.symbols, self.order = symbols, order
        for number, (grams, contexts) in enumerate(sizes, 1):
            grams_of, contexts_of = torch.zeros(grams), torch.zeros(contexts)
            self._register(number, grams_of.long(), grams_of, contexts_of.long(), contexts_of)

    def fit(self, train: TextStreams, validation: TextStreams) -> None:
        """Counts n-grams of the training set; without a given order, chooses it on the validation set."""
        longest = self.order or min(longest_order(self.symbols), len(train.text))
        begin = max(len(train.text) - MAX_COUNTED, 0)
        counts = count_grams(train.text.chunks(CHUNK_SIZE, begin), longest, self.symbols)
        if self.order:
            self._fit_order(counts, longest, self.order)
            return
        lowest = math.inf
        for order in range(1, longest + 1):
            self._fit_order(counts, longest, order)
            nll = text_nll(self, validation.text).per_symbol
            if nll >= lowest:
                self._fit_order(counts, longest, order - 1)
                return
            lowest = nll

    def counted(self, chunks: Iterable[np.ndarray]) -> Self:
        """Fits a text in chunks, for a given order."""
        self._fit_order(count_grams(chunks, self.order, self.symbols), self.order, self.order)
        return self

    def nats(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        sequence = symbols if state is None else torch.cat([state, symbols], dim=1)
        steps = symbols.shape[1] - 1
        first = sequence.shape[1] - steps
        early = [
            self._logs(sequence[:, : end + 1]) for end in range(first, min(self.order - 1, sequence.shape[1]))
        ]
        full = sequence[:, max(first - self.order + 1, 0) :]
        late = [self._logs(full)] if full.shape[1] >= self.order and len(early) < steps else []
        return -torch.cat([*early, *late], dim=1), self._context(sequence[:, :-1])

    def next(self, symbols: Tensor, state: State = None) -> tuple[Tensor, State]:
        sequence = symbols if state is None else torch.cat([state, symbols], dim=1)
        context = self._context(sequence)
        vocabulary = torch.arange(self.symbols, device=symbols.device).view(1, -1, 1)
        rows = context.unsqueeze(1).expand(-1, self.symbols, -1)
        grams = torch.cat([rows, vocabulary.expand(len(rows), -1, -1)], dim=-1)
        return self._logs(grams.flatten(0, 1)).view(len(rows), -1), context

    def options(self) -> dict[str, Any]:
        buffers = dict(self.named_buffers())
        sizes = [
            [len(buffers[f"{kind}_{number}"]) for kind in ("grams", "contexts")] for number in self._orders()
        ]
        return {"symbols": self.symbols, "order": self.order, "sizes": sizes}

    def _context(self, sequence: Tensor) -> Tensor:
        return sequence[:, max(sequence.shape[1] - self.order + 1, 0) :]

    def _orders(self) -> range:
        return range(1, self.order + 1)

    def _logs(self, symbols: Tensor) -> Tensor:
        """`ln p` of the last of each n symbols, n being the order or L: [B, L] -> [B, L - n + 1]."""
        length = min(self.order, symbols.shape[1])
        codes = torch.zeros_like(symbols[:, length - 1 :])
        for position in range(length):
            codes = codes * self.symbols + symbols[:, position : position + codes.shape[1]]
        return self._log(codes.flatten(), length).view(codes.shape).float()

    def _log(self, codes: Tensor, order: int) -> Tensor:
        """`ln p` of n-grams by their codes [n]."""
        if order == 0:
            return torch.full(codes.shape, -math.log(self.symbols), dtype=torch.float64, device=codes.device)
        logs = self._look_up(codes, f"grams_{order}", f"logs_{order}", missing=math.nan)
        absent = logs.isnan()
        shorter = codes[absent] % self.symbols ** (order - 1)
        mass = self._look_up(codes[absent] // self.symbols, f"contexts_{order}", f"left_{order}", missing=0.0)
        logs[absent] = mass + self._log(shorter, order - 1)
        return logs

    def _look_up(self, codes: Tensor, keys: str, values: str, missing: float) -> Tensor:
        table = self.get_buffer(keys)
        rows = torch.searchsorted(table, codes).clamp(max=len(table) - 1)
        stored = self.get_buffer(values)[rows].double()
        return torch.where(table[rows] == codes, stored, missing)

    def _fit_order(self, counts: Counts, longest: int, order: int) -> None:
        """Derives counts from the longest n-grams down, then smooths from the shortest up."""
        self.order = order
        tables = [prefixes(counts, self.symbols ** (longest - order))]
        for number in range(order - 1, 0, -1):
            tables.append(different(tables[-1][0] % self.symbols**number))
        for name in list(self._buffers):  # of another order, tried before
            delattr(self, name)
        for number, (grams, occurrences) in enumerate(reversed(tables), 1):
            self._smooth(number, grams, occurrences)

    def _smooth(self, order: int, grams: np.ndarray, counts: np.ndarray) -> None:
        contexts, starts = np.unique(grams // self.symbols, return_index=True)
        totals = np.add.reduceat(counts, starts)
        discounted = discounts(counts)[np.minimum(counts, 3)]
        mass = np.add.reduceat(discounted, starts) / totals
        context_of = np.repeat(np.arange(len(contexts)), np.diff(np.append(starts, len(grams))))
        below = self._log(torch.from_numpy(grams % self.symbols ** (order - 1)), order - 1).exp().numpy()
        probabilities = (counts - discounted) / totals[context_of] + mass[context_of] * below
        tables = (grams, np.log(probabilities), contexts, np.log(mass))
        self._register(order, *map(torch.from_numpy, tables))

    def _register(self, order: int, grams: Tensor, logs: Tensor, contexts: Tensor, mass: Tensor) -> None:
        for name, values in (
            ("grams", grams),
            ("logs", logs.float()),
            ("contexts", contexts),
            ("left", mass.float()),
        ):
            self.register_buffer(f"{name}_{order}", values)


Counts = tuple[np.ndarray, np.ndarray]  # sorted codes of n-grams, and how often each occurs


def longest_order(symbols: int) -> int:
    """How many symbols fit into a code of 63 bits, up to seven.

    >>> longest_order(66), longest_order(5000)
    (7, 5)
    """
    return min(MAX_ORDER, int(63 / math.log2(max(symbols, 2)) - 1e-9))


def count_grams(chunks: Iterable[np.ndarray], length: int, symbols: int) -> Counts:
    """Counts the n-grams of a text in chunks, by code `sum_i s_i V^(n-1-i)`."""
    counts: Counts = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    context = np.zeros(0, dtype=np.int64)
    for chunk in chunks:
        window = np.concatenate([context, chunk])
        context = window[max(len(window) - length + 1, 0) :]
        codes = np.zeros(max(len(window) - length + 1, 0), dtype=np.int64)
        for position in range(length):
            codes = codes * symbols + window[position : position + len(codes)]
        counts = add_counts(counts, np.unique(codes, return_counts=True))
    if not len(counts[0]):
        raise GatewiseError(f"a text of {len(context)} symbols is too short for n-grams of {length}")
    return counts


def add_counts(first: Counts, second: Counts) -> Counts:
    """The sum of two tables of counts."""
    codes = np.concatenate([first[0], second[0]])
    order = np.argsort(codes, kind="stable")
    return summed(codes[order], np.concatenate([first[1], second[1]])[order])


def summed(codes: np.ndarray, counts: np.ndarray) -> Counts:
    """Sums the counts of equal codes, which must be sorted."""
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])[: len(codes)])
    return codes[starts], np.add.reduceat(counts, starts) if len(starts) else counts


def prefixes(counts: Counts, power: int) -> Counts:
    """The counts of the shorter n-grams that begin longer ones."""
    return summed(counts[0] // power, counts[1])


def different(codes: np.ndarray) -> Counts:
    """The number of distinct n-grams that end in each shorter one."""
    return np.unique(codes, return_counts=True)


def discounts(counts: np.ndarray) -> np.ndarray:
    """The discounts of counts of 0, 1, 2, and more: `k - (k+1) Y n_{k+1} / n_k`, `Y = n_1 / (n_1 + 2 n_2)`.

    n_k: the number of n-grams with count k. Discounts are positive, so that no symbol has probability zero.
    """
    n = np.maximum(np.bincount(np.minimum(counts, 5), minlength=5), 1)
    ratio = n[1] / (n[1] + 2 * n[2])
    raw = [k - (k + 1) * ratio * n[k + 1] / n[k] for k in (1, 2, 3)]
    return np.array([0.0, *np.clip(raw, 0.1, (1, 2, 3))])
