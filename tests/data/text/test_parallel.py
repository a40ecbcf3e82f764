"""Pairs as numbers: batches, splits, what is left out."""

import numpy as np
import pytest

from gatewise.data.splits import Fractions
from gatewise.data.text import parallel
from gatewise.data.text.pairs import TextPairs
from gatewise.data.text.parallel import VocabularyConfig, complete_rows, prepare, split_pairs
from gatewise.data.text.ragged import Ragged
from gatewise.data.tokenizers.sentences import END, PADDING
from gatewise.errors import GatewiseError

FRACTIONS = Fractions(0.2, 0.3)


def pairs_of(sources, targets=None):
    targets = [one[::-1] for one in sources] if targets is None else targets
    return TextPairs("pairs.tsv", sources, targets, lambda row: f"line {row + 2}")


SOME = pairs_of([f"{row} b {row % 7}" for row in range(40)])
LETTERS = VocabularyConfig(kind="characters")


def test_rows_are_padded_as_a_loop_would():
    random = np.random.default_rng(0)
    rows = [random.integers(4, 99, random.integers(0, 8)).tolist() for _ in range(50)]
    ragged = Ragged.of(iter(rows))
    assert len(ragged) == 50
    chosen = random.permutation(50)[:20]
    padded = ragged.padded(chosen)
    assert padded.shape[1] == max(len(rows[row]) for row in chosen) + 1
    for line, row in zip(padded.tolist(), chosen, strict=True):
        assert line == [*rows[row], END] + [PADDING] * (padded.shape[1] - len(rows[row]) - 1)
        assert ragged[row].tolist() == [*rows[row], END]
    assert ragged.tensor_lengths(chosen).tolist() == [len(rows[row]) + 1 for row in chosen]


def test_a_batch_holds_the_texts():
    data = prepare(SOME, LETTERS, FRACTIONS)
    for part in (data.train, data.validation, data.test):
        batch = part.__getitems__(range(len(part)))
        for row, (source, target) in enumerate(zip(batch.source, batch.target, strict=True)):
            for numbers, symbols, text in zip(
                (source, target), (data.source, data.target), part.text(row), strict=True
            ):
                output = [symbols.name(int(one)) for one in numbers if one > END]
                assert symbols.join(output) == text
            assert int(batch.lengths[row]) == len(part.text(row)[0]) + 1
        assert part.sizes.tolist() == [sum(map(len, part.text(row))) + 2 for row in range(len(part))]


def test_every_pair_is_in_one_set_always_the_same():
    parts = [
        set(one.rows.tolist())
        for one in vars(prepare(SOME, LETTERS, FRACTIONS)).values()
        if hasattr(one, "rows")
    ]
    assert [len(one) for one in parts] == [20, 8, 12]
    assert set.union(*parts) == set(range(40))
    again = split_pairs(SOME, np.arange(40), FRACTIONS)
    assert [set(one.tolist()) for one in again] == parts


def test_pairs_with_one_source_stay_together():
    pairs = pairs_of([str(row % 10) for row in range(200)], [str(row) for row in range(200)])
    parts = [{pairs.sources[row] for row in rows} for rows in split_pairs(pairs, np.arange(200), FRACTIONS)]
    assert [len(one) for one in parts] == [5, 2, 3]
    assert len(set.union(*parts)) == 10


def test_held_out_sets_are_bounded(monkeypatch):
    monkeypatch.setattr(parallel, "MAX_HELD_OUT", 3)
    assert [len(one) for one in split_pairs(SOME, np.arange(40), FRACTIONS)] == [34, 3, 3]


def test_tokens_are_learned_from_the_training_set():
    sources = [f"common{row // 2} same same" for row in range(40)]
    data = prepare(pairs_of(sources), VocabularyConfig(min_count=1), FRACTIONS)
    names = {name for row in range(len(data.train)) for name in data.source.split(data.train.text(row)[0])}
    assert set(data.source.names) == names
    assert "; unknown in the test set: " in data.notes[-1]


def test_other_files_are_complete_sets():
    other = pairs_of(["1 b 2", "new new", "0 b 0"])
    data = prepare(SOME, VocabularyConfig(min_count=1), FRACTIONS, other, other)
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 3, 3)
    assert data.test.text(1) == ("new new", "wen wen")
    assert "sources of the test set that are also in the training set: 1 of 3" in data.notes


def test_pairs_left_out_of_training_are_noted():
    texts = [*(f"short {row}" for row in range(20)), " ", *(f"{row}" * 50 for row in range(20)), ""]
    targets = ["x" for _ in texts]
    data = prepare(
        pairs_of(texts, targets), VocabularyConfig(kind="characters", max_length=30), Fractions(0.1, 0.1)
    )
    assert data.notes[0] == "pairs.tsv: pairs with an empty side, left out: 2, the first in line 22"
    held = sum(len(part.text(row)[0]) > 30 for part in (data.validation, data.test) for row in range(4))
    assert data.notes[1] == f"pairs of more than 30 tokens, not in training: {20 - held}"
    assert len(data.train) == 40 - 4 - 4 - (20 - held)
    assert max(data.train.sources.lengths) < 30


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (
            pairs_of(["a"]),
            "pairs.tsv: expected at least 5 different sources to split into a training, .*, got 1",
        ),
        (pairs_of(["a", "a", "b", "b", "b"]), "pairs.tsv: expected at least 5 different sources .*, got 2"),
        (pairs_of(["", "  "], ["a", "b"]), "pairs.tsv: no pair has text on both sides"),
        (
            pairs_of(["a b c d" * 9 + str(row) for row in range(9)]),
            "every pair has more than 20 tokens; increase --max-length",
        ),
    ],
)
def test_mistakes(pairs, message):
    with pytest.raises(GatewiseError, match=message):
        prepare(pairs, VocabularyConfig(kind="characters", max_length=20), FRACTIONS)


def test_one_pair_is_enough_where_others_validate_and_test():
    data = prepare(pairs_of(["a"]), LETTERS, FRACTIONS, SOME, SOME)
    assert len(data.train) == 1
    assert complete_rows(SOME, []).tolist() == list(range(40))
