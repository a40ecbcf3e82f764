"""The baselines of translation, against plain loops."""

import random
from collections import defaultdict

import pytest
import torch

from gatewise.data.text.pairs import TextPairs
from gatewise.data.text.parallel import VocabularyConfig, prepare
from gatewise.data.tokenizers.sentences import END, PADDING, SPECIAL, UNKNOWN
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.tasks.translate.baselines import ITERATIONS, CopySource, IBMModel1, MostFrequent

LEXICON = {"das": "the", "ein": "a", "haus": "house", "buch": "book", "rotes": "red", "Anna": "Anna"}
SENTENCES = [
    "das haus", "das buch", "ein buch", "ein haus", "ein rotes haus", "Anna das buch", "das buch das haus",
    "ein rotes buch", "rotes haus", "das buch", "Anna ein haus",
]  # fmt: skip


def data_of():
    """Everything is trained on; the same pairs validate and test."""
    targets = [" ".join(LEXICON[word] for word in one.split()) for one in SENTENCES]
    pairs = TextPairs("pairs.tsv", SENTENCES, targets, str)
    return prepare(pairs, VocabularyConfig(min_count=1), (0.1, 0.1), pairs, pairs)


@pytest.fixture(scope="module")
def data():
    return data_of()


def translated(network, data):
    found = network.translate(data.test.__getitems__(range(len(data.test))))
    return [data.target.join([data.target.name(one) for one in each.numbers]) for each in found]


def learned(kind, data, *more):
    network = kind(len(data.source), len(data.target), *more)
    network.fit(data.train, data.validation)
    return network


def test_ibm_model_1_is_that_of_brown_et_al():
    of = random.Random(0)
    sources = [of.choices("abcdefgh", k=of.randint(1, 5)) for _ in range(60)]
    # Each letter has three translations, and "z" comes of none in particular.
    targets = [" ".join([f"{one}{of.randrange(3)}" for one in source] + ["z", "z"]) for source in sources]
    pairs = TextPairs("pairs.tsv", [" ".join(one) for one in sources], targets, str)
    data = prepare(pairs, VocabularyConfig(), (0.1, 0.1), pairs, pairs)
    network = learned(IBMModel1, data)
    probability = defaultdict(lambda: 1.0)
    for _ in range(ITERATIONS):
        counts, totals = defaultdict(float), defaultdict(float)
        for row in range(len(data.train)):
            source = [PADDING, *data.train.sources[row][:-1].tolist()]
            for target in data.train.targets[row][:-1].tolist():
                total = sum(probability[one, target] for one in source)
                for one in source:
                    counts[one, target] += probability[one, target] / total
                    totals[one] += probability[one, target] / total
        probability = defaultdict(float, {key: count / totals[key[0]] for key, count in counts.items()})
    for number in range(len(SPECIAL), len(data.source)):
        assert int(network.table[number]) == max(
            range(len(data.target)), key=lambda one: probability[number, one]
        )


def test_ibm_model_1_translates_word_by_word(data):
    network = learned(IBMModel1, data)
    assert translated(network, data) == [data.test.text(row)[1] for row in range(len(data.test))]
    batch = data.test.__getitems__([0, 5])
    for found, words in zip(network.translate(batch), (2, 3), strict=True):
        assert torch.equal(found.attention, torch.eye(words))
    assert float(network.loss(batch)) == 0.0


def test_copying_gives_the_source_where_its_words_are_known(data):
    same = data.target.numbers(map(data.source.name, range(len(data.source))))
    network = learned(CopySource, data, same)
    found = network.translate(data.test.__getitems__([5]))[0]
    assert found.numbers == [*data.target.encode("Anna"), UNKNOWN, UNKNOWN]
    batch = data.test.__getitems__([5, 5])
    assert network.weight(batch) == 8
    assert float(network.loss(batch)) == 0.5  # "Anna" and the end are right, of four each


def test_the_most_frequent_target_is_the_translation_of_every_source(data):
    network = learned(MostFrequent, data)
    assert set(translated(network, data)) == {"the book"}
    assert END not in network.target


@pytest.mark.parametrize("kind", [CopySource, IBMModel1, MostFrequent])
def test_a_saved_baseline_translates_the_same(tmp_path, data, kind):
    network = learned(kind, data)
    save_model(tmp_path, SavedModel("translate", "mine", network, {}))
    assert translated(load_model(tmp_path).network, data) == translated(network, data)
