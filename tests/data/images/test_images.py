"""Many images: kept within memory, standardized, padded; grey beside colour is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from gatewise.data.images import images as module
from gatewise.data.images.image_file import ImageForm
from gatewise.data.images.images import open_images, reopen_images
from gatewise.data.images.labelled_images import LabelledImages
from gatewise.errors import GatewiseError

RANDOM = np.random.default_rng(0)
SHAPES = [(4, 6), (5, 3), (4, 6), (2, 2)]


@pytest.fixture
def files(tmp_path):
    """Four grey images of three sizes: their paths and pixels."""
    arrays = [RANDOM.integers(0, 256, shape, np.uint8) for shape in SHAPES]
    paths = [tmp_path / f"{number}.png" for number in range(len(arrays))]
    for path, one in zip(paths, arrays, strict=True):
        Image.fromarray(one).save(path)
    return paths, arrays


def test_a_batch_is_standardized_and_zero_outside_each_images_own_size(files):
    paths, arrays = files
    images = open_images(paths)
    assert images.sizes.tolist() == [list(shape) for shape in SHAPES]
    images.fit([0, 1])
    seen = np.concatenate([arrays[0].ravel(), arrays[1].ravel()])
    values, sizes = images.batch([3, 1])
    assert values.shape == (2, 5, 3, 1)
    assert sizes.tolist() == [[2, 2], [5, 3]]
    for row, number in enumerate([3, 1]):
        expected = np.zeros((5, 3))
        height, width = arrays[number].shape
        expected[:height, :width] = (arrays[number] - seen.mean()) / seen.std()
        torch.testing.assert_close(
            values[row, :, :, 0].double(), torch.from_numpy(expected), rtol=0, atol=1e-5
        )


def test_deep_images_are_scaled_by_their_common_range(tmp_path):
    """Cameras of 12 bits write small values into files of 16."""
    arrays = [np.array([[3, 10]], np.uint16), np.array([[37, 40]], np.uint16), np.array([[3, 40]], np.uint16)]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, one in zip(paths, arrays, strict=True):
        Image.fromarray(one).save(path)
    images = open_images(paths)
    assert [images[number].ravel().tolist() for number in range(3)] == [[0, 48], [234, 255], [0, 255]]
    assert images.notes == ("images of more than 8 bits: 3; their values 3 to 40 become 0 to 255",)
    assert images.form.span == (3, 40)
    again = reopen_images(paths[:1], images.form)
    assert again[0].ravel().tolist() == [0, 48]
    Image.fromarray(np.array([[-2, 90000, 44999]], np.int32)).save(tmp_path / "a.tif")
    assert open_images([tmp_path / "a.tif"])[0].ravel().tolist() == [0, 255, 127]


@pytest.mark.parametrize(("most", "whole"), [(40, 255), (700, 1023), (4000, 4095), (65535, 65535)])
def test_a_model_of_8_bits_scales_deep_images_by_the_smallest_depth(tmp_path, most, whole):
    Image.fromarray(np.array([[0, most]], np.uint16)).save(tmp_path / "a.png")
    images = reopen_images([tmp_path / "a.png"], ImageForm(1, None, (0.0,), (1.0,)))
    assert images[0].ravel().tolist() == [0, most * 255 // whole]
    assert images.notes == (f"images of more than 8 bits: 1; their values 0 to {whole} become 0 to 255",)


def test_animated_images_are_read_by_their_first_frame_with_a_note(tmp_path):
    frames = [Image.new("L", (2, 2), value) for value in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    images = open_images([tmp_path / "a.gif"])
    assert images[0].ravel().tolist() == [10] * 4
    assert images.notes == ("images with several frames or pages, of which the first is read: 1",)


def test_a_channel_that_never_changes_keeps_its_unit(tmp_path):
    Image.new("RGB", (2, 2), (51, 102, 0)).save(tmp_path / "a.png")
    images = open_images([tmp_path / "a.png"])
    images.fit([0])
    assert images.form.deviation == (1.0, 1.0, 1.0)
    assert images.form.mean == pytest.approx((51, 102, 0))


def test_images_that_fit_into_memory_are_decoded_once_and_before_training(files, monkeypatch):
    paths, _ = files
    decoded = []
    read = module.read_image
    monkeypatch.setattr(module, "read_image", lambda path, form: decoded.append(path) or read(path, form))
    images = open_images(paths)
    assert decoded == paths
    assert images[2].shape == (4, 6, 1)
    assert len(decoded) == 4

    decoded.clear()
    images = open_images(paths, memory=43)  # holds all but the third
    assert decoded == []
    for _ in range(2):
        for number in range(4):
            assert images[number].shape == (*SHAPES[number], 1)
    assert decoded == [*paths, paths[2]]


def test_a_damaged_image_is_named_before_training(files):
    paths, _ = files
    paths[2].write_bytes(paths[2].read_bytes()[:60])
    with pytest.raises(GatewiseError, match=r"2\.png can't be read as an image"):
        open_images(paths)


def test_mixed_colours_are_refused_without_an_option(files, tmp_path):
    paths, _ = files
    Image.new("RGB", (3, 3)).save(tmp_path / "c.png")
    mixed = [*paths, tmp_path / "c.png"]
    with pytest.raises(
        GatewiseError, match=r"0\.png is grey and .*c\.png has colours; convert all .*--colour grey or"
    ):
        open_images(mixed)
    assert open_images(mixed, "grey")[4].shape == (3, 3, 1)
    assert open_images(mixed, "colour")[0].shape == (4, 6, 3)


def test_other_images_are_read_as_the_training_images(files, tmp_path):
    paths, _ = files
    images = open_images(paths, size=(3, 3))
    images.fit(range(4))
    again = reopen_images(paths[1:], images.form)
    assert torch.equal(again.batch([0, 2])[0], images.batch([1, 3])[0])
    assert again.sizes.tolist() == [[3, 3]] * 3


def test_labelled_images_are_batches_of_chosen_images(files):
    paths, _ = files
    images = open_images(paths)
    images.fit(range(4))
    labelled = LabelledImages(images, [3, 1, 0], [0, 1, 2])
    batch = labelled.__getitems__([2, 0])
    assert batch.labels.tolist() == [2, 0]
    assert torch.equal(batch.images, images.batch([0, 3])[0])
    assert labelled.sizes.tolist() == [4, 15, 24]


def test_batches_of_large_images_are_small(files):
    images = open_images(files[0], size=(600, 700))
    assert LabelledImages(images, [0, 1], [0, 0]).max_batch_size == 2**22 // (600 * 700)
    assert LabelledImages(images, [], []).max_batch_size == 256


def test_rotated_and_transparent_images_are_noted(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.new("RGB", (3, 2), "red").save(tmp_path / "a.jpg", exif=exif)
    Image.new("RGBA", (3, 2), (0, 0, 0, 0)).save(tmp_path / "b.png")
    Image.new("RGB", (3, 2), "red").save(tmp_path / "c.png")
    images = open_images([tmp_path / name for name in ("a.jpg", "b.png", "c.png")])
    assert images.notes == (
        "images rotated or mirrored upright by their EXIF data: 1",
        "images whose pixels may be transparent, blended with white: 1",
    )
    assert images[1].min() == 255
