"""Captions against all true ones of an image, and the baselines that need no training."""

import pytest
import torch

from gatewise.data.images.captions import Captions, read_captions
from gatewise.data.images.images import open_images
from gatewise.data.tokenizers.sentences import END, PADDING, learn_sentences
from gatewise.tasks.caption.baselines import MostFrequentCaption, NearestImage
from gatewise.tasks.caption.metrics import caption_images, references, score_captions
from tests.bars import write_captions


def test_any_of_the_true_captions_counts():
    truth = [("a man walks his dog", "a dog with a man"), ("the sea",)]
    assert score_captions(["a dog with a man", "the sea"], truth) == pytest.approx(
        {"bleu": 100.0, "chrf": 100.0, "exact": 1.0}
    )
    half = score_captions(["a dog with a man", "a sea"], truth)
    assert half["exact"] == 0.5
    assert 0 < half["bleu"] < 100


def test_short_captions_are_scored_by_as_many_words_as_there_are():
    assert score_captions(["two one", "two"], [("two one",), ("two",)])["bleu"] == pytest.approx(100)
    assert score_captions(["two one", "one"], [("two one",), ("two",)])["bleu"] < 100


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """Images with captions, some of several, and their symbols."""
    table = read_captions(write_captions(tmp_path_factory.mktemp("bars") / "images", 40))
    files = open_images(table.images)
    files.fit(range(40))
    captions = [(*own, "level") if number % 3 == 0 else own for number, own in enumerate(table.captions)]
    symbols = learn_sentences("words", [text for own in captions for text in own], 100)
    return Captions(files, range(40), captions, symbols), symbols


def test_captions_are_in_the_order_of_the_images(part):
    dataset, symbols = part
    network = NearestImage(channels=1)
    network.fit(dataset, None)
    predicted = [one.text for one in caption_images(network, dataset, symbols)]
    assert predicted == [own[0] for own in references(dataset, symbols)]  # each is nearest to itself
    some = [one.text for one in caption_images(network, dataset, symbols, [5, 2])]
    assert some == [predicted[5], predicted[2]]


def test_the_most_frequent_caption_is_that_of_all_images(part):
    dataset, symbols = part
    network = MostFrequentCaption()
    network.fit(dataset, None)
    captions = [text for own in dataset.captions for text in own]
    predicted = {one.text for one in caption_images(network, dataset, symbols)}
    assert predicted == {max(set(captions), key=captions.count)}


@pytest.mark.parametrize("make", [MostFrequentCaption, lambda: NearestImage(channels=1)])
def test_options_rebuild_what_was_learned(part, make):
    dataset, symbols = part
    network = make()
    network.fit(dataset, None)
    again = type(network).from_options(network.options())
    again.load_state_dict(network.state_dict())
    assert caption_images(again, dataset, symbols) == caption_images(network, dataset, symbols)
    batch = dataset.__getitems__(list(range(len(dataset))))
    wrong = total = 0
    for found, row in zip(network.caption(batch), batch.target.tolist(), strict=True):
        given, true = [*found.numbers, END], [number for number in row if number != PADDING]
        wrong += sum(place >= len(given) or given[place] != one for place, one in enumerate(true))
        total += len(true)
    torch.testing.assert_close(network.loss(batch), torch.tensor(wrong / total))
