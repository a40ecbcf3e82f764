"""Images and their captions from a folder and a table; errors name the line."""

import json

import pytest
from PIL import Image

from gatewise.data.images.captions import Captions, image_column, read_captions
from gatewise.data.images.images import open_images
from gatewise.data.tokenizers.sentences import END, PADDING, learn_sentences
from gatewise.errors import GatewiseError

TABLE = "file,caption,part\na.png,a dark one,train\nb.png,a bright one,test\na.png,very dark,train\n"


@pytest.fixture
def write(tmp_path):
    """Writes two images and a table beside them."""

    def make(text=TABLE, name="captions.csv"):
        for image, size in (("a", (4, 3)), ("b", (2, 5))):
            Image.new("L", size, 9).save(tmp_path / f"{image}.png")
        (tmp_path / name).write_text(text)
        return tmp_path

    return make


def test_an_image_has_all_of_its_captions(write):
    table = read_captions(write())
    assert [path.name for path in table.images] == ["a.png", "b.png"]
    assert table.captions == (("a dark one", "very dark"), ("a bright one",))
    assert table.sets == ("", "")
    assert table.columns == ("file", "caption")
    assert read_captions(write() / "captions.csv", split_column="part").sets == ("train", "test")


def test_names_may_be_written_in_several_ways_within_the_folder(write):
    folder = write()
    (folder / "below").mkdir()
    for name in ("below/../b.png", "./b.png", folder / "b.png"):
        (folder / "captions.csv").write_text(TABLE.replace("b.png", str(name)))
        assert read_captions(folder).images == (folder / "a.png", folder / "b.png")
        assert (
            read_captions(folder / "captions.csv", folder / "below" / "..")
            .images[1]
            .samefile(folder / "b.png")
        )


def test_found_columns_and_images_without_captions_are_noted(write):
    folder = write()
    for name in ("c.png", "d.PNG", "notes.txt"):
        (folder / name).write_bytes((folder / "a.png").read_bytes())
    assert read_captions(folder).notes == ("left out: 2 images without a caption",)
    (folder / "captions.csv").write_text(TABLE.replace("file,caption", "image,text"))
    output = "images are named in column 'image', captions are column 'text'"
    assert read_captions(folder).notes[0] == output
    assert output not in read_captions(folder, file="image", caption="text").notes


def test_columns_with_other_names_and_images_in_another_folder(write, tmp_path_factory):
    folder = write()
    elsewhere = tmp_path_factory.mktemp("tables")
    (elsewhere / "said.csv").write_text(TABLE.replace("file,caption", "picture,said"))
    table = read_captions(elsewhere / "said.csv", folder, file="picture", caption="said")
    assert [path.parent for path in table.images] == [folder, folder]
    assert table.columns == ("picture", "said")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (TABLE.replace("b.png", "c.png"), {}, r"captions\.csv, line 3: there is no image '.*c\.png'"),
        (TABLE.replace("b.png", ""), {}, r"line 3: there is no image"),
        (TABLE.replace("b.png", "../b.png"), {}, r"line 3: '\.\./b\.png' names no image in .*--images"),
        (TABLE.replace("b.png", "x/../../b.png"), {}, r"line 3: .* names no image in the folder"),
        (TABLE.replace("b.png", "/etc/hostname"), {}, r"line 3: '/etc/hostname' names no image in"),
        (TABLE.replace("a bright one", " "), {}, r"line 3: the caption of b\.png is empty"),
        (TABLE.replace("very dark,train", "very dark,test"), {"split_column": "part"}, "line 4: a.png"),
        (TABLE.replace("one,test", "one,later"), {"split_column": "part"}, "line 3: expected train, v"),
        (TABLE.replace("one,test", "one,"), {"split_column": "part"}, "line 3: expected train.* got ''"),
        (TABLE.replace("caption", "said"), {}, "no column 'caption', it has file, said, part; name one with"),
        (TABLE.replace("file", "f"), {}, "has no column 'file', it has f, caption, part; name one"),
        (TABLE, {"caption": "said"}, "has no column 'said' for the caption; it has file, caption, part"),
    ],
)  # fmt: skip
def test_missing_parts_are_named(write, text, options, message):
    with pytest.raises(GatewiseError, match=message):
        read_captions(write(text), **options)


def test_a_folder_needs_exactly_one_table(write):
    folder = write()
    (folder / "more.csv").write_text(TABLE)
    with pytest.raises(
        GatewiseError, match=r"contains 2 tables, captions\.csv, more\.csv; give the path of the"
    ):
        read_captions(folder)
    for table in ("captions.csv", "more.csv"):
        (folder / table).unlink()
    with pytest.raises(GatewiseError, match="contains no table; give the path of the table of captions"):
        read_captions(folder)


def test_every_caption_is_an_example_with_its_image(write):
    table = read_captions(write())
    files = open_images(table.images)
    files.fit([0])
    symbols = learn_sentences("words", ["a dark one", "very dark"], 100)
    captions = Captions(files, [1, 0], [table.captions[1], table.captions[0]], symbols)
    assert len(captions) == 3
    assert captions.sizes.tolist() == [10, 12, 12]
    batch = captions.__getitems__([2, 0])
    assert batch.sizes.tolist() == [[3, 4], [5, 2]]
    said = [
        [symbols.name(number) for number in row if number not in (PADDING, END)]
        for row in batch.target.tolist()
    ]
    assert said == [["very", "dark"], ["a", "<unknown>", "one"]]
    assert (batch.target == END).sum(1).tolist() == [1, 1]
    assert captions.pictures([0, 1]).sizes.tolist() == [[5, 2], [3, 4]]


COCO = {
    "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
    "annotations": [
        {"image_id": 9, "id": 1, "caption": "a bright\n one"},
        {"image_id": 7, "id": 2, "caption": "a dark one"},
        {"image_id": 7, "id": 3, "caption": "very dark"},
    ],
}
KARPATHY = {
    "images": [
        {"filename": "a.png", "split": "restval", "sentences": [{"raw": "a dark one"}, {"raw": "very dark"}]},
        {"filename": "b.png", "filepath": ".", "split": "test", "sentences": [{"raw": "a bright one"}]},
    ]
}
CAPTIONS = {"a.png": ("a dark one", "very dark"), "b.png": ("a bright one",)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("captions.json", json.dumps(COCO)),
        ("dataset.json", json.dumps(KARPATHY)),
        ("results.token", "a.png#0\ta dark one\na.png#1\tvery dark\nb.png#0\ta bright one\n"),
        ("Flickr8k.token.txt", "b.png#0\ta bright one\na.png#0\ta dark one\na.png#1\tvery dark \n"),
    ],
)
def test_captions_in_other_files_than_tables(write, name, text):
    folder = write(text, name)
    for path in (folder, folder / name):
        table = read_captions(path)
        images = [one.name for one in table.images]
        assert dict(zip(images, table.captions, strict=True)) == CAPTIONS
        assert table.columns == ("file", "caption")
    assert [one.name for one in image_column(folder / name, "file")[1]] == images


def test_the_splits_of_karpathy(write):
    folder = write(json.dumps(KARPATHY), "dataset.json")
    assert read_captions(folder, split_column="split").sets == ("train", "test")


def changed(path, value):
    data = json.loads(json.dumps(COCO))
    *parents, last = path
    place = data
    for one in parents:
        place = place[one]
    place[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.json", "[]", "c.json: expected images with id and file_name"),
        ("c.json", "{", "c.json can't be read as JSON: Expecting property name"),
        ("c.json", "[" * 100_000, "c.json can't be read as JSON: "),
        ("c.json", '{"images": 3}', "c.json: expected images with id and file_name"),
        ("c.json", changed(("annotations",), []), "c.json has no captions"),
        (
            "c.json",
            changed(("annotations", 1), {"image_id": 7, "bbox": []}),
            "annotation 2 has no caption, but im",
        ),
        (
            "c.json",
            changed(("annotations", 0, "image_id"), 8),
            "annotation 1: there is no image with the id 8",
        ),
        (
            "c.json",
            changed(("images", 1), {"id": 9}),
            "image 2 has no file_name, but id; expected images with",
        ),
        (
            "c.json",
            changed(("images", 0, "file_name"), "../a.png"),
            "row 2: '../a.png' names no image in the",
        ),
        (
            "c.token",
            "a.png#0\tx\nb.png y\n",
            "line 2: expected IMAGE#NUMBER, a tab and a caption, got 'b.png y'",
        ),
        ("c.token", "a.png#0\tx\nc.png#0\ty\n", "line 2: there is no image"),
    ],
)
def test_wrong_files_of_captions_are_one_clear_line(write, name, text, message):
    with pytest.raises(GatewiseError, match=message) as caught:
        read_captions(write(text, name))
    assert "\n" not in str(caught.value)
