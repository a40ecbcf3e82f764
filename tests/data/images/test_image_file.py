"""One image from a file: sizes, modes, orientation, and files that are broken."""

import numpy as np
import pytest
from PIL import Image

from gatewise.data.images.image_file import ImageForm, is_image, read_header, read_image, read_size
from gatewise.errors import GatewiseError

GREY, COLOUR = ImageForm(1), ImageForm(3)
PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.fixture
def saved(tmp_path):
    """Saves an image and gives its path."""

    def save(image, name="a.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm"])
def test_pixels_are_those_that_were_saved(saved, suffix):
    path = saved(Image.fromarray(PICTURE), f"a.{suffix}")
    assert np.array_equal(read_image(path, COLOUR), PICTURE)
    assert read_header(path) == (5, 7, False)


def test_grey_images_are_unchanged_and_colours_become_brightness(saved):
    grey = saved(Image.fromarray(PICTURE[:, :, 0]))
    assert np.array_equal(read_image(grey, GREY), PICTURE[:, :, :1])
    assert np.array_equal(read_image(grey, COLOUR), PICTURE[:, :, [0, 0, 0]])
    assert read_header(grey).grey
    colour = saved(Image.fromarray(PICTURE))
    brightness = PICTURE @ [0.299, 0.587, 0.114]
    assert np.abs(read_image(colour, GREY)[:, :, 0] - brightness).max() <= 1


def test_sixteen_bits_become_eight_and_more_are_refused(saved):
    values = np.array([[0, 257, 65535]], np.uint16)
    assert read_image(saved(Image.fromarray(values)), GREY).ravel().tolist() == [0, 1, 255]
    wide = saved(Image.fromarray(np.array([[0, 70000]], np.int32)), "b.tif")
    with pytest.raises(
        GatewiseError, match=r"b\.tif can't be read as an image: its pixels have more than 16"
    ):
        read_image(wide, GREY)
    fractions = saved(Image.fromarray(np.array([[0.5]], np.float32)), "c.tif")
    with pytest.raises(GatewiseError, match=r"c\.tif .* its pixels are floats"):
        read_image(fractions, GREY)


def test_transparent_pixels_are_white(saved):
    clear = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8)
    assert read_image(saved(Image.fromarray(clear)), COLOUR)[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_palettes_are_grey_where_all_of_their_colours_are(saved):
    image = Image.fromarray(PICTURE[:, :, 0] // 128, mode=None).convert("P")
    image.putpalette([0, 0, 0, 200, 200, 200])
    assert read_header(saved(image)).grey
    image.putpalette([0, 0, 0, 200, 0, 200])
    path = saved(image)
    assert not read_header(path).grey
    assert set(map(tuple, read_image(path, COLOUR).reshape(-1, 3).tolist())) == {(0, 0, 0), (200, 0, 200)}


def test_a_photograph_is_rotated_upright(saved):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held by 90 degrees
    path = saved(Image.fromarray(PICTURE), exif=exif)
    assert read_header(path)[:2] == (7, 5)
    assert np.array_equal(read_image(path, COLOUR), np.rot90(PICTURE, -1))


def test_images_are_resized(saved):
    path = saved(Image.fromarray(PICTURE))
    assert read_image(path, ImageForm(1, (4, 9))).shape == (4, 9, 1)
    assert read_image(path, ImageForm(3, (10, 0))).shape == (10, 14, 3)


@pytest.mark.parametrize("text", ["0", "28x0", "x28", "28 x 28", "28,28", "big"])
def test_sizes_are_parsed_strictly(text):
    with pytest.raises(GatewiseError, match=r"expected a size as 28, 28x40 \(height x width\) or 28x"):
        read_size(text)


def test_a_file_that_is_not_an_image_is_named(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    for read in (read_header, lambda path: read_image(path, GREY)):
        with pytest.raises(GatewiseError, match=r"a\.png is not a readable image; remove it"):
            read(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif"])
def test_a_truncated_file_is_named(saved, name):
    path = saved(Image.fromarray(np.tile(PICTURE, (20, 20, 1))), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(GatewiseError, match=f"{name} can't be read as an image: .+") as output:
        read_image(path, COLOUR)
    assert "\n" not in str(output.value)


def test_files_are_recognized_as_images_by_name(tmp_path):
    names = {"a.PNG": True, "b.jpeg": True, "c.txt": False, ".d.png": False, "Thumbs.db": False}
    assert {name: is_image(tmp_path / name) for name in names} == names
