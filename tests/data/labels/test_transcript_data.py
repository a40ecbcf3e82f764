"""Images and signals with texts: columns of pixels, parts, and every mistake by its place."""

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from PIL import Image
from pydantic import TypeAdapter

from gatewise.data.labels.text_lines import open_text_lines
from gatewise.data.labels.transcribed_lines import LinePreprocessing, names_images, read_text_lines
from gatewise.data.labels.transcribed_signals import SignalPreprocessing, read_signals
from gatewise.data.labels.transcript_data import TranscriptOptions
from gatewise.data.sequences.long_table import LongColumns
from gatewise.data.splits import Fractions
from gatewise.data.tokenizers.transcripts import TranscriptTokenizer, learn_transcripts
from gatewise.errors import GatewiseError
from tests.signals import blurred
from tests.strips import write_strips

OPTIONS = TranscriptOptions(unit="characters", beam=0, fractions=Fractions(0.2, 0.2))


def bars(count=10, height=6):
    """Strips in which each digit is that number of bright columns."""
    random = np.random.default_rng(0)
    for _ in range(count):
        text = "".join(str(one) for one in random.integers(1, 4, random.integers(1, 4)))
        columns = [column for digit in text for column in [*[255] * int(digit), 0, 0]]
        yield np.tile(np.array(columns, np.uint8), (height, 1)), text


def as_saved(form):
    adapter = TypeAdapter(LinePreprocessing | SignalPreprocessing)
    return adapter.validate_json(adapter.dump_json(form))


@pytest.fixture
def folder(tmp_path):
    return write_strips(tmp_path / "strips", bars())


def test_columns_of_pixels_are_steps(folder):
    data = read_text_lines(folder, OPTIONS)
    made = list(bars())
    assert (data.height, data.channels) == (6, 6)
    assert data.tokenizer.symbols == ("1", "2", "3")
    assert [len(one) for one in (data.train, data.validation, data.test)] == [6, 2, 2]
    assert sorted([*data.train.numbers, *data.validation.numbers, *data.test.numbers]) == list(range(10))
    batch = data.test.__getitems__([0, 1])
    scale = data.preprocessing.image
    for row, number in enumerate(data.test.numbers):
        strip, text = made[number]
        own = ((strip - scale.mean[0]) / scale.deviation[0]).T
        assert batch.lengths[row] == strip.shape[1]
        np.testing.assert_allclose(batch.values[row, : strip.shape[1]], own, atol=1e-5)
        assert (batch.values[row, strip.shape[1] :] == 0).all()
        assert data.tokenizer.decode(batch.targets[row, : batch.sizes[row]].tolist()) == text


def test_colours_are_channels_and_resizing_keeps_the_aspect_ratio(tmp_path):
    paths = []
    for number, (height, width) in enumerate([(8, 20), (16, 30)]):
        pixels = np.random.default_rng(number).integers(256, size=(height, width, 3), dtype=np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    strips = open_text_lines(paths, height=8)
    strips.files.fit([0, 1])
    assert strips.channels == 24
    assert strips.lengths.tolist() == [20, 15]
    values, lengths = strips.batch([1, 0])
    assert values.shape == (2, 20, 24)
    assert lengths.tolist() == [15, 20]
    pixels = strips.files[0].transpose(1, 0, 2).reshape(20, 24)
    form = strips.files.form
    np.testing.assert_allclose(
        values[1], (pixels - np.tile(form.mean, 8)) / np.tile(form.deviation, 8), atol=1e-5
    )
    assert open_text_lines(paths).height == 32
    assert open_text_lines(paths[:1]).height == 8


def test_a_model_reads_images_again(folder):
    data = read_text_lines(folder, OPTIONS)
    form = as_saved(data.preprocessing)
    assert form == data.preprocessing
    again, other = form.read(folder, trained=True), form.read(folder / "targets.csv", trained=False)
    assert again.test.texts == data.test.texts
    assert other.test.texts == [text for _, text in bars()]
    (folder / "targets.csv").unlink()
    new = form.read_untranscribed(folder)
    assert new.names == tuple(f"{number:05d}.png" for number in range(10))
    assert new.inputs.sizes.tolist() == [strip.shape[1] for strip, _ in bars()]
    frame = new.with_texts(["x"] * 10, [0.5] * 10)
    assert frame.columns == ["file", "text", "probability"]


@pytest.fixture
def tables(tmp_path):
    signals, texts = blurred(20)
    signals.write_csv(tmp_path / "signals.csv")
    texts.write_csv(tmp_path / "targets.csv")
    signals.join(texts, on="id", maintain_order="left").rename({"text": "label"}).write_csv(
        tmp_path / "both.csv"
    )
    return tmp_path


def test_texts_in_another_table_or_a_column(tables):
    apart = read_signals(tables / "signals.csv", LongColumns(), OPTIONS, targets="targets.csv")
    within = read_signals(tables / "both.csv", LongColumns(), OPTIONS)
    texts = dict(blurred(20)[1].iter_rows())
    for data in (apart, within):
        assert data.channels == 3
        assert data.height == 0
        for part in (data.train, data.validation, data.test):
            assert part.texts == [texts[data.names[number]] for number in part.numbers]
        form = as_saved(data.preprocessing)
        assert form == data.preprocessing
        path = tables / ("signals.csv" if data is apart else "both.csv")
        assert form.read(path, trained=True).test.texts == data.test.texts
        assert form.read(path, trained=False).test.texts == list(texts.values())
        assert form.read_untranscribed(tables / "signals.csv").names == tuple(texts)
    rows = blurred(20)[0].filter(pl.col("id") == apart.names[apart.test.numbers[0]])
    batch = apart.test.__getitems__([0])
    np.testing.assert_allclose(
        batch.values[0, :, 1], apart.preprocessing.scales[1].apply(rows["c1"].to_numpy()), atol=1e-5
    )


def test_sets_may_be_named(tables, folder):
    parts = (["train"] * 5 + ["dev"] * 3 + ["test"] * 2) * 2
    for name, count in (("targets.csv", 20), (folder / "targets.csv", 10)):
        frame = pl.read_csv(tables / name, infer_schema=False)
        frame.insert_column(1, pl.Series("set", parts[:count])).write_csv(tables / name)
    options = replace(OPTIONS, split_column="set")
    apart = read_signals(tables / "signals.csv", LongColumns(), options, targets="targets.csv")
    strips = read_text_lines(folder, options)
    assert strips.test.numbers.tolist() == [8, 9]
    assert apart.validation.numbers.tolist() == [5, 6, 7, 15, 16, 17]
    for data, path in ((apart, tables / "signals.csv"), (strips, folder)):
        again = as_saved(data.preprocessing).read(path, trained=True)
        assert again.test.texts == data.test.texts
        assert "drawn" not in data.notes[-1]
    other = read_signals(tables / "signals.csv", LongColumns(), options, targets="targets.csv")
    assert other.test.texts == apart.test.texts
    table = tables / "targets.csv"
    table.write_text(table.read_text().replace("dev", "test"))
    drawn = read_signals(tables / "signals.csv", LongColumns(), options, targets="targets.csv")
    assert (len(drawn.train), len(drawn.validation), len(drawn.test)) == (8, 2, 10)
    table.write_text(table.read_text().replace("train", "spare", 1))
    with pytest.raises(
        GatewiseError, match="line 2: expected train, validation or test as the name of a set, got 'spare'"
    ):
        read_signals(tables / "signals.csv", LongColumns(), options, targets="targets.csv")


def test_tables_that_name_images(tables, folder):
    assert names_images(folder)
    assert names_images(folder / "targets.csv")
    assert not names_images(tables / "signals.csv")


def test_symbols_may_be_words():
    tokenizer = learn_transcripts(["ae k", "k  t ae"], "words")
    assert tokenizer.symbols == ("ae", "k", "t")
    assert tokenizer.encode("t ae") == [3, 1]
    assert tokenizer.decode([3, 1]) == "t ae"
    assert TranscriptTokenizer(("\u00e9",), "characters").encode("e\u0301x") == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("s3,", "s3x,"), "targets.csv has no text for the sequence 's3'"),
        (lambda text: text.replace("s3,", "s2,"), "targets.csv, line 5: a row above has a text for 's2'"),
        (lambda text: "".join(f"{one.split(',')[0]}\n" for one in text.splitlines()), "got 'id' only"),
        (lambda text: "\n".join(one if "s3," not in one else "s3," for one in text.splitlines()),
         "targets.csv, line 5: the text for 's3' is empty"),
    ],
)  # fmt: skip
def test_mistakes_in_the_table_of_texts(tables, change, message):
    path = tables / "targets.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(GatewiseError, match=re.escape(message)):
        read_signals(tables / "signals.csv", LongColumns(), OPTIONS, targets="targets.csv")


def test_other_mistakes(tables, folder):
    path = tables / "both.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[3].rpartition(",")[0] + ",zzz", *lines[4:]]))
    with pytest.raises(
        GatewiseError, match=r"both.csv, line 4: sequence 's0' has the text 'zzz', and '.*' above"
    ):
        read_signals(path, LongColumns(), OPTIONS)
    table = folder / "targets.csv"
    table.write_text(table.read_text() + "00003.png,12\n")
    with pytest.raises(
        GatewiseError, match=r"targets.csv has 2 texts for 00003.png; give one for each image"
    ):
        read_text_lines(folder, OPTIONS)
    form = read_text_lines(write_strips(folder.parent / "more", bars()), OPTIONS).preprocessing
    (folder.parent / "empty").mkdir()
    with pytest.raises(GatewiseError, match="empty contains no images"):
        form.read_untranscribed(folder.parent / "empty")
