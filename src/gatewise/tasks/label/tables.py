"""Tables about labelled steps: each label, spans by kind, and what was taken for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from gatewise.data.labels.channel_steps import ChannelSteps
from gatewise.data.labels.labelled import LabelledSteps
from gatewise.data.labels.token_steps import TokenSteps
from gatewise.metrics.counts import Counts
from gatewise.metrics.details import Details
from gatewise.tasks.label.metrics import by_label, by_span, confusion

SHOWN, MISTAKES, AROUND = 30, 8, 4  # labels, kinds of mistakes, and tokens on either side of one


def label_table(data: LabelledSteps, found: list[np.ndarray]) -> Details:
    """Each label of the test part."""
    matrix = confusion(data.truth(data.test), found, len(data.labels))
    rows = _rows(zip(data.labels, by_label(matrix), strict=True))
    return Details("the labels of the test part", ("label", "steps", "precision", "recall", "F1"), rows)


def span_table(data: LabelledSteps, found: list[np.ndarray]) -> Details | None:
    """The spans of each kind, where labels mark spans."""
    if not data.marked:
        return None
    counted = by_span(data.named(data.truth(data.test)), data.named(found), data.marked)
    header = ("kind", "spans", "precision", "recall", "F1")
    return Details("its spans, right where beginning, end and kind are", header, _rows(counted.items()))


def mistake_table(data: LabelledSteps, found: list[np.ndarray]) -> Details | None:
    """What was taken for what, the most frequent first, and where for example."""
    counts: Counter[tuple[int, int]] = Counter()
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for number, (true, told) in enumerate(zip(data.truth(data.test), found, strict=True)):
        for step in np.flatnonzero(true != told).tolist():
            pair = (int(true[step]), int(told[step]))
            counts[pair] += 1
            first.setdefault(pair, (number, step))
    rows = tuple(
        (data.labels[true], data.labels[told], f"{count:,}", _example(data.test, *first[true, told]))
        for (true, told), count in counts.most_common(MISTAKES)
    )
    header = ("true", "told", "steps", "for example")
    return Details("its most frequent mistakes", header, rows) if rows else None


def _rows(counted: Iterable[tuple[str, Counts]]) -> tuple[tuple[str, ...], ...]:
    """The most frequent first."""
    there = sorted(counted, key=lambda one: -one[1].there)[:SHOWN]
    return tuple(
        (name or "(no kind)", f"{one.there:,}", f"{one.precision:.1%}", f"{one.recall:.1%}", f"{one.f1:.1%}")
        for name, one in there
        if one.there or one.said
    )


def _example(part: TokenSteps | ChannelSteps, number: int, step: int) -> str:
    """Where a step is in its file; a token between brackets, among those around it."""
    place = part.places(number)
    where = part.place(place.start + step)
    if isinstance(part, ChannelSteps):
        return where
    own = part.tokens[place]
    before, behind = own[max(step - AROUND, 0) : step], own[step + 1 : step + 1 + AROUND]
    ends = ("… " * (step > AROUND), " …" * (step + 1 + AROUND < len(own)))
    return f"{where}: {ends[0]}{' '.join([*before, f'[{own[step]}]', *behind])}{ends[1]}"
