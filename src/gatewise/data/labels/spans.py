"""Spans of steps, such as names, that labels mark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

TAG = re.compile(r"(O)|([BIESLUM])(?:[-_](.+))?", re.DOTALL)
OUTSIDE = ("O", "")
FIRST, LAST = "BSU", "ELSU"  # tags that always begin a span, and tags that always end one


class Span(NamedTuple):
    """Steps from `first` to before `end`, and their kind."""

    first: int
    end: int
    kind: str


def marks_spans(labels: Iterable[str]) -> bool:
    """Whether labels are tags of BIO, IOB, BIOES, BILOU or BMES, which mark spans.

    >>> marks_spans(["O", "B-PER", "I-PER"]), marks_spans(["B", "M", "E", "S"]), marks_spans(["N", "E", "S"])
    (True, True, False)
    """
    matches = [TAG.fullmatch(label) for label in labels]
    if not all(matches):
        return False
    tags = {(one[2], bool(one[3])) for one in matches if one is not None and one[2]}
    letters = {letter for letter, _ in tags}
    if all(typed for _, typed in tags):
        return bool(tags)
    return not any(typed for _, typed in tags) and (letters >= {"B", "I"} or letters >= {"B", "E"})


def find_spans(labels: Sequence[str], marked: bool) -> list[Span]:
    """The spans of one sequence.

    marked: whether labels mark spans, which are read as by conlleval (Tjong Kim Sang and Buchholz 2000);
        otherwise a span is a run of equal labels

    >>> find_spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"], marked=True)
    [Span(first=0, end=2, kind='PER'), Span(first=3, end=4, kind='LOC'), Span(first=4, end=5, kind='LOC')]
    >>> find_spans(["N", "N", "V"], marked=False)
    [Span(first=0, end=2, kind='N'), Span(first=2, end=3, kind='V')]
    """
    tags = [_tag(label) if marked else ("I", label) for label in labels]
    found, first = [], 0
    for step, (previous, current) in enumerate(pairwise([OUTSIDE, *tags, OUTSIDE])):
        if _ends(previous, current):
            found.append(Span(first, step, previous[1]))
        if _begins(previous, current):
            first = step
    return found


def _tag(label: str) -> tuple[str, str]:
    match = TAG.fullmatch(label)
    assert match is not None, label
    return (match[1] or match[2], match[3] or "")


def _ends(previous: tuple[str, str], current: tuple[str, str]) -> bool:
    return previous[0] != "O" and (current[0] == "O" or _separates(previous, current))


def _begins(previous: tuple[str, str], current: tuple[str, str]) -> bool:
    return current[0] != "O" and (previous[0] == "O" or _separates(previous, current))


def _separates(previous: tuple[str, str], current: tuple[str, str]) -> bool:
    return previous[0] in LAST or current[0] in FIRST or previous[1] != current[1]
