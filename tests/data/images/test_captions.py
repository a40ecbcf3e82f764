"""Images and their captions from a folder and a table; errors name the line."""

import pytest
from PIL import Image

from gatewise.data.images.captions import Captions, read_captions
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
