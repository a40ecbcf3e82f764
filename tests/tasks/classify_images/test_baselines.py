"""The baselines for images: each resized to one size by itself, and learned from all of them."""

import numpy as np
import pytest
import torch
from PIL import Image

from gatewise.cells import LSTM
from gatewise.data.images.images import open_images
from gatewise.data.images.labelled_images import ImageBatch, LabelledImages
from gatewise.modules.classifier import predict_probabilities
from gatewise.modules.resized_images import resize
from gatewise.tasks.classify_images.baselines import (
    ConvolutionClassifier,
    NearestImage,
    PixelRegression,
    small_images,
)
from gatewise.tasks.classify_images.rows import RowClassifier
from tests.bars import KINDS, bar


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Bars to train on and to validate, of several sizes."""
    folder, random = tmp_path_factory.mktemp("bars"), np.random.default_rng(0)
    paths, labels = [], []
    for number in range(120):
        labels.append(number % 2)
        paths.append(folder / f"{number}.png")
        Image.fromarray(bar(KINDS[number % 2], random, int(random.integers(7, 10)))).save(paths[-1])
    files = open_images(paths)
    files.fit(range(80))
    return [
        LabelledImages(files, part, [labels[one] for one in part]) for part in (range(80), range(80, 120))
    ]


def right(network, dataset):
    return float((predict_probabilities(network, dataset).argmax(1) == dataset.labels).float().mean())


def test_resizing_ignores_padding():
    images = torch.full((3, 6, 8, 2), torch.nan)
    sizes = torch.tensor([[6, 8], [3, 4], [6, 3]])
    for image, (height, width) in zip(images, sizes, strict=True):
        image[:height, :width] = torch.randn(int(height), int(width), 2)
    together = resize(images, sizes, (3, 4))
    assert together.shape == (3, 2, 3, 4)
    halved = images[0].permute(2, 0, 1)
    torch.testing.assert_close(together[1], images[1, :3, :4].permute(2, 0, 1))  # is of that size already
    for row in range(3):
        assert torch.equal(together[row], resize(images[row : row + 1], sizes[row : row + 1], (3, 4))[0])
    assert abs(together[0].mean() - halved.mean()) < 0.15


@pytest.mark.parametrize("kind", [PixelRegression, NearestImage])
def test_learned_baselines_are_rebuilt_with_what_they_learned(parts, kind):
    network = kind(channels=1, classes=2)
    network.fit(*parts)
    assert right(network, parts[0]) > 0.75
    again = kind.from_options(network.options())
    again.load_state_dict(network.state_dict())
    assert torch.equal(predict_probabilities(again, parts[1]), predict_probabilities(network, parts[1]))


def test_the_nearest_image_with_its_accuracy_as_confidence(parts):
    train, validation = parts
    network = NearestImage(channels=1, classes=2)
    network.fit(train, validation)
    pixels, labels = small_images(train, 1000)
    seen, truth = small_images(validation, 1000)
    guessed = labels[torch.cdist(seen.double(), pixels.double()).argmin(1)]
    probabilities = predict_probabilities(network, validation)
    assert torch.equal(probabilities.argmax(1), guessed)
    confidence = (float((guessed == truth).sum()) + 1 / 2) / (len(validation) + 1)
    torch.testing.assert_close(probabilities.max(1).values, torch.full((40,), confidence))


def test_few_images_are_taken_evenly_from_all(parts):
    pixels, labels = small_images(parts[0], 30)
    everything, all_labels = small_images(parts[0], 1000)
    assert torch.equal(pixels, everything[::3])
    assert torch.equal(labels, all_labels[::3])


@pytest.mark.parametrize("make", [
    lambda: ConvolutionClassifier(1, 8, 8, 2, filters=(4,), hidden=8),
    lambda: RowClassifier(
        LSTM, 1, width=8, classes=2, hidden=4, layers=2, bidirectional=True, pooling="attention", shift=1
    ),
], ids=["convolution", "rows"])  # fmt: skip
def test_options_rebuild_the_networks_that_are_trained(make):
    network = make().eval()
    batch = ImageBatch(
        torch.randn(3, 9, 8, 1), torch.tensor([[9, 8], [3, 8], [5, 8]]), torch.tensor([0, 1, 0])
    )
    again = type(network).from_options(network.options())
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval().logits(batch), network.logits(batch))


def test_rows_are_read_from_top_to_bottom_and_not_beyond_an_images_end():
    network = RowClassifier(LSTM, 2, width=4, classes=3, hidden=4).eval()
    images, sizes = torch.randn(2, 6, 4, 2), torch.tensor([[6, 4], [3, 4]])
    output = network.logits(ImageBatch(images, sizes, torch.tensor([0, 0])))
    hidden, _ = network.reader.recurrent(images[1, :3].reshape(3, 1, 8))
    torch.testing.assert_close(output[1], network.reader.classes(hidden[-1, 0]), rtol=1e-5, atol=1e-6)
