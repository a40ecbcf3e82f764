"""Schemes of tags that mark spans: recognized, checked, and converted to BIO and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from gatewise.data.labels.spans import TAG, find_spans, marks_spans
from gatewise.data.labels.tagged import TaggedText
from gatewise.errors import GatewiseError

OUTSIDE = "O"
ZEROS = ("0", "o")  # what is written where O is meant
MAX_LISTED = 3  # contradictory tags in a note


@dataclass(frozen=True)
class Scheme:
    """The letters of the steps of a span: its first one, those inside, its last one, and a single one.

    bounded: whether only a span right after one of the same kind begins with B, as in IOB1
    """

    name: str
    first: str
    inside: str
    last: str
    single: str
    bounded: bool = False

    @property
    def letters(self) -> set[str]:
        """All letters."""
        return {self.first, self.inside, self.last, self.single, *("B" * self.bounded)}

    def encode(self, labels: Sequence[str]) -> list[str]:
        """The spans of one sequence of tags of any scheme, as tags of this one.

        >>> BIOES.encode(["B-PER", "I-PER", "O", "B-LOC"])
        ['B-PER', 'E-PER', 'O', 'S-LOC']
        >>> IOB1.encode(["B-PER", "I-PER", "B-PER", "B-LOC"])
        ['I-PER', 'I-PER', 'B-PER', 'I-LOC']
        """
        tags, spans = [OUTSIDE] * len(labels), find_spans(labels, marked=True)
        for number, span in enumerate(spans):
            last = span.end - 1
            follows = bool(number) and spans[number - 1][1:] == (span.first, span.kind)
            for step in range(span.first, span.end):
                letter = self.last if step == last else self.inside
                if step == span.first:
                    letter = self.single if step == last else self.first
                    letter = "B" if self.bounded and follows else letter
                tags[step] = letter + labels[step][1:]
        return tags

    def contradictions(self, labels: Sequence[str]) -> list[int]:
        """The steps of one sequence whose tags are not those of its spans.

        >>> BIO.contradictions(["O", "I-PER", "I-PER"])
        [1]
        """
        pairs = zip(labels, self.encode(labels), strict=True)
        return [step for step, (label, tag) in enumerate(pairs) if label != tag]


BIO = Scheme("BIO", "B", "I", "I", "B")
IOB1 = Scheme("IOB1", "I", "I", "I", "I", bounded=True)
BIOES = Scheme("BIOES", "B", "I", "E", "S")
BILOU = Scheme("BILOU", "B", "I", "L", "U")
BMES = Scheme("BMES", "B", "M", "E", "S")
SCHEMES = (BIO, IOB1, BIOES, BILOU, BMES)


def find_scheme(name: str) -> Scheme:
    """The scheme of that name. Raises: `GatewiseError` if there is none."""
    found = next((scheme for scheme in SCHEMES if scheme.name == name), None)
    if found is None:
        raise GatewiseError(f"there is no scheme of tags {name!r}; the schemes are {_names()}")
    return found


def recognize_scheme(sequences: Sequence[Sequence[str]], preferred: Scheme = BIO) -> Scheme | None:
    """The scheme with the fewest contradictions, None if the labels are no tags of one.

    sequences: the labels of each; preferred: of schemes with equally few contradictions

    >>> recognize_scheme([["O", "I-PER", "I-PER", "O", "I-LOC"]]).name
    'IOB1'
    >>> recognize_scheme([["noun", "verb"]]) is None
    True
    """
    labels = {label for sequence in sequences for label in sequence}
    if not marks_spans(labels):
        return None
    schemes = sorted(SCHEMES, key=lambda scheme: scheme is not preferred)
    possible = [scheme for scheme in schemes if _letters(labels) <= scheme.letters]
    if len(possible) < 2:
        return next(iter(possible), None)
    return min(possible, key=lambda scheme: sum(len(scheme.contradictions(one)) for one in sequences))


def recognize_in_text(text: TaggedText, zero: str | None, preferred: Scheme = BIO) -> Scheme | None:
    """The scheme of a text, as by `recognize_scheme`. zero: the label that is read as O"""
    text = convert_tags(text, None, zero)
    return recognize_scheme(in_sentences(text.labels or (), text.offsets), preferred)


def are_in_bio(labels: Iterable[str]) -> bool:
    """Whether the labels of a model are tags of BIO.

    >>> are_in_bio(["B-PER", "I-PER", "O"]), are_in_bio(["B-PER", "E-PER"]), are_in_bio(["noun", "verb"])
    (True, False, False)
    """
    names = set(labels)
    return marks_spans(names) and _letters(names) <= BIO.letters


def unless_bio(scheme: Scheme | None) -> str | None:
    """The name of a scheme that is converted to BIO; None for BIO and for none."""
    return None if scheme is None or scheme is BIO else scheme.name


def read_zeros(labels: Iterable[str]) -> str | None:
    """The label that is written in place of O beside tags of spans; None if there is none.

    >>> read_zeros({"0", "B-PER", "I-PER"}), read_zeros({"0", "1"}), read_zeros({"O", "B-PER"})
    ('0', None, None)
    """
    names = set(labels)
    found = [zero for zero in ZEROS if zero in names]
    others = names.difference(ZEROS)
    typed = [label for label in others if label != OUTSIDE and TAG.fullmatch(label) and len(label) > 1]
    return found[0] if len(found) == 1 and typed and marks_spans(others) else None


def convert_tags(text: TaggedText, scheme: str | None, zero: str | None) -> TaggedText:
    """A text whose tags of a scheme are those of BIO, and whose label `zero` is O; None changes nothing."""
    if text.labels is None or (scheme is None and zero is None):
        return text
    labels = [OUTSIDE if label == zero else label for label in text.labels]
    if scheme is not None and marks_spans(labels):
        labels = [tag for one in in_sentences(labels, text.offsets) for tag in BIO.encode(one)]
    return replace(text, labels=labels)


def convert_texts(
    given: Mapping[str, TaggedText],
    preferred: Scheme | None,
    zero: str | None,
    is_learned: bool,
    known: Mapping[str, Scheme | None] | None = None,
) -> tuple[dict[str, TaggedText], list[str]]:
    """Texts with their tags as by `convert_tags`, each from its own scheme, and notes as by `describe_tags`.

    preferred: the scheme of a text whose tags fit several; None for labels that are no tags
    is_learned: whether a model learns the labels of the preferred scheme
    known: the schemes of texts that were recognized before, by name
    """
    texts, notes = {}, []
    schemes = dict(known or {})
    for name, text in given.items():
        if name not in schemes:
            schemes[name] = None if preferred is None else recognize_in_text(text, zero, preferred)
        scheme = schemes[name]
        texts[name] = convert_tags(text, unless_bio(scheme or preferred), zero)
        own_notes = describe_tags(text, scheme, zero, is_learned and scheme is preferred)
        notes += [f"{text.path}: {note}" for note in own_notes]
    return texts, notes


def in_sentences(labels: Sequence[str], offsets: np.ndarray) -> list[Sequence[str]]:
    """The labels of each sentence. offsets: [S + 1]"""
    return [labels[first:end] for first, end in pairwise(offsets.tolist())]


def describe_tags(
    text: TaggedText, scheme: Scheme | None, zero: str | None, is_learned: bool = True
) -> tuple[str, ...]:
    """Notes on what is converted, and on tags that contradict the scheme.

    text: as it was read; is_learned: whether a model learns its labels, or has learned those of other data
    """
    assert text.labels is not None
    notes = []
    if zero is not None:
        count = text.labels.count(zero)
        notes.append(f"the label {zero!r} is read as O, {count:,} time{'s' * (count != 1)}")
    if scheme is None:
        return tuple(notes)
    if scheme is not BIO:
        use = f"learned as BIO and predicted as {scheme.name}" if is_learned else "converted to BIO"
        notes.append(f"labels are tags of {scheme.name}, {use}")
    labels = [OUTSIDE if label == zero else label for label in text.labels]
    wrong = [
        int(first) + step
        for first, one in zip(text.offsets[:-1], in_sentences(labels, text.offsets), strict=True)
        for step in scheme.contradictions(one)
    ]
    if wrong:
        places = ", ".join(f"{labels[step]} in {text.place(step)}" for step in wrong[:MAX_LISTED])
        more = f" and {len(wrong) - MAX_LISTED:,} more" if len(wrong) > MAX_LISTED else ""
        how = "kept as they are" if scheme is BIO else "converted as conlleval reads their spans"
        notes.append(f"tags that contradict {scheme.name}: {places}{more}; they are {how}")
    return tuple(notes)


def _letters(labels: Iterable[str]) -> set[str]:
    """The letters of tags inside spans."""
    return {label[0] for label in labels} - {OUTSIDE}


def _names() -> str:
    return ", ".join(scheme.name for scheme in SCHEMES)
