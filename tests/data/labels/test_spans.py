"""Spans as conlleval reads them: beside its own table of cases, over random labels of every scheme."""

import itertools
import random

import pytest

from gatewise.data.labels.spans import find_spans, marks_spans


def ends(before, tag, kind, now):
    """The cases of conlleval's endOfChunk, as written there, with S as its later versions add it."""
    found = False
    for pair in ("EE", "EI", "EO", "BO", "BB", "IB", "IO", "ES", "BS", "IS", "EB"):
        found |= before + tag == pair
    found |= before == "S"
    return found or (before != "O" and kind != now)


def begins(before, tag, kind, now):
    """The cases of conlleval's startOfChunk."""
    found = False
    for pair in ("BB", "IB", "OB", "OI", "OE", "EE", "EI", "EB"):
        found |= before + tag == pair
    found |= tag == "S" or (before == "S" and tag != "O")
    return found or (tag != "O" and kind != now)


def conlleval(labels):
    parts = [("O", "")] + [(one[0], one[2:]) for one in labels] + [("O", "")]
    found, first = [], None
    for place, ((before, kind), (tag, now)) in enumerate(itertools.pairwise(parts)):
        if first is not None and ends(before, tag, kind, now):
            found.append((first, place, kind))
            first = None
        if begins(before, tag, kind, now):
            first = place
    return found


@pytest.mark.parametrize("letters", ["BIO", "IO", "BIESO"])
def test_random_labels(letters):
    random.seed(0)
    for _ in range(3000):
        labels = [random.choice([one if one == "O" else f"{one}-{kind}" for one in letters for kind in "XY"])
                  for _ in range(random.randrange(9))]  # fmt: skip
        assert [tuple(one) for one in find_spans(labels, marked=True)] == conlleval(labels), labels


def test_equivalent_tags():
    bioes = ["S-X", "O", "B-X", "I-X", "E-X", "B-Y", "E-Y"]
    bilou = ["U-X", "O", "B-X", "I-X", "L-X", "B-Y", "L-Y"]
    assert find_spans(bioes, marked=True) == find_spans(bilou, marked=True)
    found = find_spans(list("SBMEBE"), marked=True)
    assert [(one.first, one.end) for one in found] == [(0, 1), (1, 4), (4, 6)]


def test_plain_tags_are_runs():
    assert [tuple(one) for one in find_spans(list("aabba"), marked=False)] == [
        (0, 2, "a"),
        (2, 4, "b"),
        (4, 5, "a"),
    ]
    assert find_spans([], marked=False) == []
    assert [tuple(one) for one in find_spans(["O", "O", "B-X"], marked=False)] == [(0, 2, "O"), (2, 3, "B-X")]


@pytest.mark.parametrize(
    ("labels", "marked"),
    [
        (["O", "B-PER", "I-PER"], True),
        (["O", "I-PER"], True),
        (["O", "B_PER", "I_PER"], True),
        (["B", "I", "O"], True),
        (["B", "M", "E", "S"], True),
        (["U-X-ray", "O"], True),
        (["NN", "VB", "O"], False),
        (["O"], False),
        (["B", "O"], False),
        (["S", "E"], False),
        (["B-PER", "I", "O"], False),
        (["B-PER", "other"], False),
        ([], False),
    ],
)
def test_which_labels_mark_spans(labels, marked):
    assert marks_spans(labels) is marked
