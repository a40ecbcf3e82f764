"""Images and clips in memory become files from which the readers read the same pixels."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from gatewise.data.images.captions import read_captions
from gatewise.data.images.class_folders import read_class_folders
from gatewise.data.images.clip_arrays import read_clip_arrays
from gatewise.data.images.image_file import ImageForm, is_image, read_image
from gatewise.data.memory.images import is_clips, is_images, write_captioned, write_clips, write_images
from gatewise.errors import GatewiseError

DRAW = np.random.default_rng(0)
GREY = DRAW.integers(0, 256, (3, 6, 5), dtype=np.uint8)
COLOUR = DRAW.integers(0, 256, (3, 6, 5, 3), dtype=np.uint8)


def read(folder, channels):
    """The pixels of all images below a folder, in the order of their names."""
    files = sorted(folder.rglob("*.png"), key=lambda path: path.name)
    return np.stack([read_image(one, ImageForm(channels)) for one in files])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (GREY, GREY[..., None]),
        (GREY[..., None], GREY[..., None]),
        (COLOUR, COLOUR),
        (torch.from_numpy(COLOUR), COLOUR),
        (list(COLOUR), COLOUR),
        (list(GREY), GREY[..., None]),
        (COLOUR[:, ::-1][:, ::-1], COLOUR),
        ([Image.fromarray(one) for one in COLOUR], COLOUR),
        (tuple(Image.fromarray(one) for one in GREY), GREY[..., None]),
    ],
)
def test_pixels_are_read_as_they_are(data, expected, tmp_path):
    assert is_images(data)
    assert not is_clips(data)
    np.testing.assert_array_equal(read(write_images(data, tmp_path), expected.shape[-1]), expected)


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "I", "I;16"],
)
def test_an_image_of_every_mode_is_read_as_its_colours(mode, tmp_path):
    grey = Image.fromarray(GREY[0])
    via = {"La": "LA", "RGBa": "RGBA", "PA": "P", "I;16": "I"}.get(mode)
    image = (grey.convert(via) if via else grey).convert(mode) if mode != "1" else grey.convert("1")
    whole = write_images([image], tmp_path)
    span = (0, 255) if mode.startswith("I") else None
    found = read_image(whole / "00000000.png", ImageForm(1, span=span))[..., 0].astype(int)
    expected = np.asarray(image.convert("L") if mode == "1" else grey).astype(int)
    assert abs(found - expected).max() <= 2  # of a conversion between colours


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([10, 2, 10], ("2", "10")),
        (np.array([True, False, True]), ("false", "true")),
        (pd.Series(["b", "a", "b"], dtype="category", index=[3, 4, 5]), ("a", "b")),
        (["train", "test", "train"], ("test", "train")),
    ],
)
def test_classes_are_folders(labels, classes, tmp_path):
    folder = write_images(COLOUR, tmp_path, labels)
    found = read_class_folders(folder, is_image, "images")
    assert found.classes == classes
    assert found.sets == ("", "", "")
    assert {path.stem: found.classes[own] for path, own in zip(found.paths, found.labels, strict=True)} == {
        f"{number:08d}": str(one).lower() if isinstance(one, bool | np.bool_) else str(one)
        for number, one in enumerate(labels)
    }


@pytest.mark.parametrize("captions", [["a", ["b", "c"], ("d\ne",)], pd.Series(["a, b", 'c "d"', "1"])])
def test_captions_are_read_as_they_are(captions, tmp_path):
    table = read_captions(write_captioned(COLOUR, tmp_path, captions))
    assert [path.name for path in table.images] == [f"{number:08d}.png" for number in range(3)]
    assert table.captions == tuple((one,) if isinstance(one, str) else tuple(one) for one in captions)


@pytest.mark.parametrize(
    ("data", "labels", "message"),
    [
        (COLOUR, ["a", "b"], "there are 3 images and 2 labels"),
        (COLOUR, ["a", "b", None], "label 2 is missing; give one for each example"),
        (COLOUR, ["a", "b", "c/d"], "the class 'c/d' can't name a folder; rename it"),
        (COLOUR, ["a", "b", ".c"], "the class '.c' can't name a folder; rename it"),
        ([Image.new("F", (3, 3))], None,
         "image 0 has float pixels (mode F); convert them to whole numbers"),
        ([Image.new("I", (3, 3), 70000)], None,
         "image 0 has pixels outside 0 to 65535; scale them to 16 bits"),
        ([Image.new("L", (3, 0))], None, "image 0 has no pixels, its size is 3x0"),
    ],
)  # fmt: skip
def test_an_image_that_can_not_be_stored_is_named(data, labels, message, tmp_path):
    with pytest.raises(GatewiseError) as caught:
        write_images(data, tmp_path, labels)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        (["a", "b"], "there are 3 images and captions for 2"),
        (["a", "b", []], "image 2 has no caption; give one or several"),
        (["a", "b", " "], "image 2: expected a text as its caption, got ' '"),
        (["a", ["b", None], "c"], "image 1: expected a text as its caption, got None"),
        (["a", 2, "c"], "image 1: expected a text as its caption, got 2"),
    ],
)
def test_a_missing_caption_is_named(captions, message, tmp_path):
    with pytest.raises(GatewiseError) as caught:
        write_captioned(COLOUR, tmp_path, captions)
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64", "int16", "float16", "bool"])
def test_clips_of_every_type_are_read_as_they_are(kind, tmp_path):
    clips = [(DRAW.random((steps, 4, 5)) * 9).astype(kind) for steps in (3, 5)]
    assert is_clips(clips)
    found = read_clip_arrays(write_clips(clips, tmp_path, [7, 30]))
    assert found.labels == ("7", "30")
    for number, one in enumerate(clips):
        np.testing.assert_array_equal(found[number][..., 0], one)


def test_clips_of_several_types_keep_their_values(tmp_path):
    clips = [torch.zeros(2, 4, 3, dtype=torch.uint8), torch.full((2, 4, 3), 0.5)]
    found = read_clip_arrays(write_clips(clips, tmp_path))
    assert found[1].max() == 0.5
    whole = np.stack([one.numpy() for one in clips])
    assert is_clips(whole)
    np.testing.assert_array_equal(read_clip_arrays(write_clips(whole, tmp_path)).frames[..., 0], whole)


@pytest.mark.parametrize(
    ("data", "labels", "message"),
    [
        (
            [np.zeros((2, 4, 3)), np.zeros((2, 4, 2))],
            None,
            "clip 1 has frames of [4, 2] and clip 0 of [4, 3]; all need the same size",
        ),
        ([np.zeros((2, 4, 3)), np.zeros((0, 4, 3))], None, "clip 1 has no frames; leave it out"),
        ([np.zeros((2, 4, 3), object)], None, "clip 0: expected numbers, got values of type object"),
        ([np.zeros((2, 4, 3))], [], "there are 1 clips and 0 labels"),
    ],
)
def test_a_clip_that_can_not_be_stored_is_named(data, labels, message, tmp_path):
    with pytest.raises(GatewiseError) as caught:
        write_clips(data, tmp_path, labels)
    assert str(caught.value) == message
