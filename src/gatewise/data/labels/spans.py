"""Labels of steps as spans: the names and pieces that they mark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

PARTS = re.compile(r"(O)|([BIESLUM])(?:[-_](.+))?", re.DOTALL)
OUTSIDE = ("O", "")
FIRST, LAST = "BSU", "ELSU"  # what begins a span, and what ends one, wherever it stands


class Span(NamedTuple):
    """Steps `first` to before `end`, and what they are."""

    first: int
    end: int
    kind: str


def marks_spans(labels: Iterable[str]) -> bool:
    """Whether labels are of BIO, IOB, BIOES, BILOU or BMES: parts of spans, not plain tags.

    >>> marks_spans(["O", "B-PER", "I-PER"]), marks_spans(["B", "M", "E", "S"]), marks_spans(["N", "E", "S"])
    (True, True, False)
    """
    parts = [PARTS.fullmatch(label) for label in labels]
    if not all(parts):
        return False
    marks = {(part[2], bool(part[3])) for part in parts if part is not None and part[2]}
    letters = {letter for letter, _ in marks}
    if all(typed for _, typed in marks):
        return bool(marks)
    return not any(typed for _, typed in marks) and (letters >= {"B", "I"} or letters >= {"B", "E"})


def spans(labels: Sequence[str], marked: bool) -> list[Span]:
    """The spans of one sequence.

    marked: labels say where spans begin and end, read as conlleval reads them (Tjong Kim Sang and
        Buchholz 2000); else a span is a run of equal labels

    >>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"], marked=True)
    [Span(first=0, end=2, kind='PER'), Span(first=3, end=4, kind='LOC'), Span(first=4, end=5, kind='LOC')]
    >>> spans(["N", "N", "V"], marked=False)
    [Span(first=0, end=2, kind='N'), Span(first=2, end=3, kind='V')]
    """
    parts = [_part(label) if marked else ("I", label) for label in labels]
    found, first = [], 0
    for place, (before, now) in enumerate(pairwise([OUTSIDE, *parts, OUTSIDE])):
        if _ends(before, now):
            found.append(Span(first, place, before[1]))
        if _begins(before, now):
            first = place
    return found


def _part(label: str) -> tuple[str, str]:
    match = PARTS.fullmatch(label)
    assert match is not None, label
    return (match[1] or match[2], match[3] or "")


def _ends(before: tuple[str, str], now: tuple[str, str]) -> bool:
    return before[0] != "O" and (now[0] == "O" or _parted(before, now))


def _begins(before: tuple[str, str], now: tuple[str, str]) -> bool:
    return now[0] != "O" and (before[0] == "O" or _parted(before, now))


def _parted(before: tuple[str, str], now: tuple[str, str]) -> bool:
    return before[0] in LAST or now[0] in FIRST or before[1] != now[1]
