"""Sentences tagged by a rule: a word anywhere before or after a name determines its label."""

import numpy as np

from gatewise.data.labels.segments import Segments, whole_sequences
from gatewise.data.labels.token_steps import TokenSteps
from gatewise.data.tokenizers.words import learn_words

FILLERS = ["a", "the", "of", "red", "on", "green", "then", "with", "small", "now", "very", "some"]
CUES = {"PER": ("she", "he"), "ORG": ("share", "market")}
SYLLABLES = ["ba", "de", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "zo"]


def sentences(count, seed=0, filler=3):
    """Lists of (token, label); the names are new words, and only a cue on one side determines their kind."""
    random = np.random.default_rng(seed)

    def some():
        return [(str(random.choice(FILLERS)), "O") for _ in range(random.integers(0, filler + 1))]

    made = []
    for _ in range(count):
        kind = ("PER", "ORG")[random.integers(2)]
        cue = [(CUES[kind][random.integers(2)], "O")]
        name = ["".join(random.choice(SYLLABLES, random.integers(2, 4))).capitalize()
                for _ in range(random.integers(1, 4))]  # fmt: skip
        marked = [(word, ("I-" if place else "B-") + kind) for place, word in enumerate(name)]
        left, right = (cue, []) if random.integers(2) else ([], cue)
        made.append([*some(), *left, *some(), *marked, *some(), *right, *some()])
    return made


def conll(tagged):
    """The sentences as a text."""
    return "\n".join("".join(f"{token} {label}\n" for token, label in one) for one in tagged)


def numbered(tagged):
    """The labels' names, the vocabulary, and the sentences as a data set."""
    tokens, labels = zip(*(one for sentence in tagged for one in sentence), strict=True)
    names = sorted(set(labels))
    vocabulary = learn_words(tokens)
    offsets = np.cumsum([0, *(len(one) for one in tagged)])
    numbers = np.array([names.index(label) for label in labels])
    return names, vocabulary, TokenSteps(tokens, numbers, vocabulary, whole_sequences(offsets))


def first_and_last(data, count):
    """The first `count` sentences of a data set, and the others."""
    starts, sizes = data.segments.starts, data.segments.sizes
    parts = (slice(count), slice(count, None))
    first, last = (data.with_segments(Segments(starts[part], sizes[part])) for part in parts)
    return first, last
