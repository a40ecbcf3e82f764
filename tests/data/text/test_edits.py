"""The edit distance beside its definition."""

import random
from functools import cache

from gatewise.data.text.edits import alignment, edit_distance


def plain(one, other):
    @cache
    def d(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    return d(len(one), len(other))


def test_random_texts():
    random.seed(0)
    for _ in range(500):
        one, other = ("".join(random.choices("abc", k=random.randrange(9))) for _ in range(2))
        assert edit_distance(one, other) == plain(one, other) == edit_distance(other, one)


def test_symbols_of_several_letters():
    assert edit_distance(["ae", "k"], ["a", "e", "k"]) == 2


def test_an_alignment_contains_both_texts_at_the_cost_of_their_distance():
    random.seed(0)
    for _ in range(500):
        one, other = ("".join(random.choices("abc", k=random.randrange(9))) for _ in range(2))
        pairs = alignment(one, other)
        assert "".join(a for a, _ in pairs if a) == one
        assert "".join(b for _, b in pairs if b) == other
        assert sum(a != b for a, b in pairs) == plain(one, other)
        assert (None, None) not in pairs
