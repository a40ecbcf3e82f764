"""Sentences as batches of numbers: each token's word and letters are found again, padding is padding."""

import numpy as np

from gatewise.data.labels.segments import Segments, whole_sequences
from gatewise.data.labels.token_steps import NO_LABEL, TokenSteps
from gatewise.data.tokenizers.words import MAX_LETTERS, WordTokenizer, learn_words, normalize_word

TOKENS = ["The", "cat", "I", "saw", "saw", "I", ".", "1984", "I", "the", "cat", "ran", "Zoë"]
OFFSETS = np.array([0, 7, 9, 13])
LABELS = np.arange(13) % 3


def steps():
    tokenizer = learn_words(TOKENS)
    return tokenizer, TokenSteps(TOKENS, LABELS, tokenizer, whole_sequences(OFFSETS))


def test_words_seen_twice_are_known_in_normalized_form():
    tokenizer = learn_words(TOKENS)
    assert tokenizer.words == ("i", "the", "cat", "saw")
    assert [tokenizer.word(one) for one in ("I", "THE", "ran", "1984")] == [1, 2, 0, 0]
    assert normalize_word("F-16s") == "f-00s"
    assert "Z" not in tokenizer.letters
    assert tokenizer.spelling("Zt")[0] == 0
    assert tokenizer.letters[tokenizer.spelling("Zt")[1] - 1] == "t"


def test_accented_letters_are_normalized():
    tokenizer = WordTokenizer((), ("ë",))
    assert tokenizer.spelling("e\u0308") == tokenizer.spelling("\u00eb") == [1]


def test_both_ends_of_long_words_are_read():
    word = "a" * 100 + "b" * 100
    tokenizer = learn_words([word, word])
    spelt = tokenizer.spelling(word)
    assert len(spelt) == MAX_LETTERS
    assert spelt[0] != spelt[-1]


def test_a_batch_contains_every_token():
    tokenizer, data = steps()
    batch = data.__getitems__([2, 0])
    assert batch.lengths.tolist() == [4, 7]
    for row, sentence in enumerate([2, 0]):
        own = TOKENS[OFFSETS[sentence] : OFFSETS[sentence + 1]]
        for place, token in enumerate(own):
            spelling = batch.spellings[row, place]
            letters = batch.letters[spelling, : batch.sizes[spelling]].tolist()
            assert batch.words[row, place] == tokenizer.word(token)
            assert letters == tokenizer.spelling(token)
            assert batch.labels[row, place] == LABELS[OFFSETS[sentence] + place]
        assert (batch.labels[row, len(own) :] == NO_LABEL).all()
        assert (batch.words[row, len(own) :] == 0).all()
    assert len(batch.letters) == len({*TOKENS[:7], *TOKENS[9:]})
    assert all((one[size:] == 0).all() for one, size in zip(batch.letters, batch.sizes, strict=True))


def test_segments_share_memory():
    _, data = steps()
    part = data.with_segments(Segments(OFFSETS[[2, 1]], np.array([4, 2])))
    assert part.sizes.tolist() == [4, 2]
    assert len(part) == 2
    assert part.slice_of(0) == slice(9, 13)
    assert part._letters is data._letters
    assert part.__getitems__([1]).lengths.tolist() == [2]
    assert len(data) == 3


def test_without_labels():
    data = TokenSteps(TOKENS, None, learn_words(TOKENS), whole_sequences(OFFSETS))
    assert (data.__getitems__([0, 1]).labels == NO_LABEL).all()
