"""Pairs of texts from tables and from aligned files."""

import polars as pl
import pytest

from gatewise.data.tables.dialect import Dialect
from gatewise.data.text.pairs import read_pairs, read_sources
from gatewise.errors import GatewiseError

ROWS = [("a dog", "ein Hund"), ('he said "no"', 'er sagte „nein"'), ("", "leer"), ('"quoted"', "x; y")]
FRAME = pl.DataFrame(ROWS, schema=["english", "german"], orient="row")


def both(pairs):
    return [(pairs.sources[row], pairs.targets[row]) for row in range(len(pairs))]


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv", "pairs.parquet"])
def test_a_table_is_read_as_it_was_written(tmp_path, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        FRAME.write_parquet(path)
    else:
        FRAME.write_csv(path, separator="\t" if name.endswith("tsv") else ",")
    pairs = read_pairs(path)
    assert both(pairs) == ROWS
    assert pairs.columns == ("english", "german")
    assert pairs.place(1) == ("row 2" if name.endswith("parquet") else "line 3")
    turned = read_pairs(path, None, "german", "english")
    assert both(turned) == [(target, source) for source, target in ROWS]


def test_quotation_marks_have_no_meaning_in_tab_separated_files(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text(
        'source\ttarget\n"Halt!" rief er.\t"Stop!" he cried.\n12" lang\t"Wie, so"\n"a ""b"""\t"\n'
    )
    assert both(read_pairs(path)) == [
        ('"Halt!" rief er.', '"Stop!" he cried.'), ('12" lang', "Wie, so"), ('a "b"', '"'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "given", "found"),
    [
        ("id,tgt,src", {}, ("src", "tgt")),
        ("Target,x", {}, ("x", "Target")),
        ("x,y,z", {}, ("x", "y")),
        ("x,y,z", {"source": "y"}, ("y", "x")),
        ("x,y,z", {"target": "x"}, ("y", "x")),
        ("source,y,z", {"target": "source"}, ("y", "source")),
    ],
)
def test_columns_are_found_by_name_or_place(tmp_path, header, given, found):
    (tmp_path / "pairs.csv").write_text(f"{header}\nA,B,C\n"[: len(header) + 1 + 2 * (header.count(",") + 1)])
    assert read_pairs(tmp_path / "pairs.csv", **given).columns == found


@pytest.mark.parametrize(
    ("text", "found", "unused"),
    [
        (",en,fr\n0,a dog,un chien\n1,a cat,un chat\n", ("en", "fr"), "'' (row numbers)"),
        ("Unnamed: 0,en,fr\n7,a dog,un chien\n9,a cat,un chat\n", ("en", "fr"), "'Unnamed: 0' (row numbers)"),
        ("index,en,fr\n7,a dog,un chien\n9,a cat,un chat\n", ("en", "fr"), "'index' (row numbers)"),
        ("id,en,fr\nx1,a dog,un chien\nx2,a cat,un chat\n", ("en", "fr"), "'id'"),
        ("score,day,en,fr\n0.5,2024-01-31,a,b\n0.7,2024-02-01,c,d\n", ("en", "fr"), "'score', 'day'"),
        ("id,en\nx1,a dog\nx2,a cat\n", ("id", "en"), ""),
        ("en,n,fr\n1,3,un\n,5,deux\ntwo,7,dix\n", ("en", "fr"), "'n'"),
        ("source,fr\n1,x\n2,y\n", ("source", "fr"), ""),
    ],
)
def test_row_numbers_ids_and_measurements_are_not_texts(tmp_path, text, found, unused):
    (tmp_path / "pairs.csv").write_text(text)
    pairs = read_pairs(tmp_path / "pairs.csv")
    assert pairs.columns == found
    assert pairs.notes == (
        f"sources are column {found[0]!r}, targets are column {found[1]!r}"
        + (f"; not used: {unused}" if unused else ""),
    )
    assert read_pairs(tmp_path / "pairs.csv", None, *found[::-1]).notes == ()
    column = read_sources(tmp_path / "pairs.csv", None)[1]
    assert column == found[0] or column == "en"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",fr\n0,un\n1,deux\n", "column '': expected texts, got row numbers; .* with --source and"),
        ("n,fr\n5,un\n3,deux\n", "column 'n': expected texts, got numbers; name the columns"),
        ("day,fr\n2024-01-31,un\n2024-02-01,deux\n", "column 'day': expected texts, got numbers"),
    ],
)
def test_columns_of_numbers_are_texts_only_if_named(tmp_path, text, message):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    with pytest.raises(GatewiseError, match=message):
        read_pairs(path)
    name = text.partition(",")[0]
    assert read_pairs(path, None, name).columns == (name, "fr")


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        ("only\na\n", {}, "has only one column, 'only'"),
        ("x,y\na,b\n", {"source": "de"}, "has no column 'de' for the source; it has x, y"),
        ("x,y\na,b\n", {"source": "x", "target": "x"}, "source and target are both column 'x'"),
        ("x,y\n", {}, "has no rows below its header"),
        ("x,y\na,b\n", {"target_file": "other"}, "is a table: give it alone, without --target-file"),
        (None, {}, "there is no file"),
    ],
)
def test_mistakes_in_a_table(tmp_path, content, given, message):
    if content is not None:
        (tmp_path / "pairs.csv").write_text(content)
    with pytest.raises(GatewiseError, match=message):
        read_pairs(tmp_path / "pairs.csv", **given)


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv"])
def test_bytes_that_are_not_utf8_are_refused_with_their_line(tmp_path, name):
    separator = b"\t" if name.endswith("tsv") else b","
    (tmp_path / name).write_bytes(separator.join([b"x", b"y"]) + b"\na" + separator + b"\xe4\n")
    with pytest.raises(
        GatewiseError, match=rf"{name} can't be read as a table: it is not in UTF-8, line 2 \(byte 0xe4\)"
    ):
        read_pairs(tmp_path / name)


def test_numbers_are_not_texts(tmp_path):
    pl.DataFrame({"x": ["a"], "y": [1.5]}).write_parquet(tmp_path / "pairs.parquet")
    with pytest.raises(GatewiseError, match="column 'y': expected texts, got Float64"):
        read_pairs(tmp_path / "pairs.parquet")


@pytest.fixture
def halves(tmp_path):
    def write(sources, targets):
        for name, content in (("train.de", sources), ("train.en", targets)):
            (tmp_path / name).write_text(content)
        return tmp_path / "train.de", tmp_path / "train.en"

    return write


def test_two_files_line_by_line(halves):
    pairs = read_pairs(*halves("eins\nzwei\n", "one\ntwo"))
    assert both(pairs) == [("eins", "one"), ("zwei", "two")]
    assert pairs.place(1) == "line 2"


def test_mistakes_with_two_files(halves):
    paths = halves("eins\nzwei\n", "one\n")
    with pytest.raises(
        GatewiseError, match=r"train\.de has 2 lines and .*train\.en has 1; each line must be"
    ):
        read_pairs(*paths)
    with pytest.raises(GatewiseError, match="text files have no columns; leave --source and --target out"):
        read_pairs(*paths, source="x")
    with pytest.raises(
        GatewiseError, match=r"train\.de does not have the extension of a table .* as --target-file"
    ):
        read_pairs(paths[0])


def test_sources_to_translate(tmp_path, halves):
    path, _ = halves("eins\n\n", "one\n")
    texts, column, _ = read_sources(path, "english")
    assert ([texts[0], texts[1]], column) == (["eins", ""], None)
    FRAME.write_csv(tmp_path / "pairs.csv")
    for wanted, found in (("german", "german"), (None, "english")):
        texts, column, notes = read_sources(tmp_path / "pairs.csv", wanted)
        assert notes == ()
        assert column == found
        assert texts[0] == dict(zip(FRAME.columns, ROWS[0], strict=True))[found]
    FRAME.select("german").write_csv(tmp_path / "one.csv")
    assert read_sources(tmp_path / "one.csv", "english")[1] == "german"
    (tmp_path / "more.csv").write_text("english,id\n# moved\none,1\n")
    texts, _, notes = read_sources(tmp_path / "more.csv", "english")
    assert len(texts) == 1
    assert notes == ("left out as comments: 1 line beginning with #, the first in line 2",)
    with pytest.raises(GatewiseError, match="has no column 'french' for the source; it has english, german"):
        read_sources(tmp_path / "pairs.csv", "french")


PAIRS = ["Go.\tVa !", "Run!\tCours !", "Wait a bit.\tAttends un peu."]
TATOEBA = [f"{1276 + number}\t{one}\t{50 * number + 7}\t{number}x {one}" for number, one in enumerate("abc")]


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        (PAIRS, ("1", "2")),
        (TATOEBA, ("2", "4")),
        ([f"{number}\t{one}" for number, one in enumerate(PAIRS)], ("2", "3")),
        ([f"eng\t{one.lower()}" for one in PAIRS], ("2", "3")),
    ],
)
def test_a_missing_header_is_certain(tmp_path, lines, columns):
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n")
    pairs = read_pairs(path)
    assert pairs.columns == columns
    assert len(pairs) == 3
    assert pairs.notes[0].startswith("the first row has values: the columns are called 1, 2 and so on")
    assert pairs.dialect.header is False
    again = read_pairs(path, None, *columns, dialect=pairs.dialect)
    assert both(again) == both(pairs)
    assert read_pairs(path, dialect=Dialect(header=True)).dialect.header is True
    assert len(read_pairs(path, dialect=Dialect(header=True))) == 2


@pytest.mark.parametrize(
    ("header", "is_noted"),
    [
        ("en\tfr", False),
        ("English words/sentences\tFrench words/sentences", False),
        ("eng-us\tfra", False),
        ("Question 1?\tAnswer", False),
        ("cat\tchat", True),
        ("a small cat\tun petit chat", True),
    ],
)
def test_a_first_row_that_may_be_a_pair_is_noted(tmp_path, header, is_noted):
    path = tmp_path / "pairs.tsv"
    path.write_text(f"{header}\na dog\tun chien\ntwo dogs\tdeux chiens\n")
    first, second = header.split("\t")
    pairs = read_pairs(path)
    note = f"the first row, {first!r} and {second!r}, is read as the names of the columns; --no-header"
    assert any(one.startswith(note) for one in pairs.notes) == is_noted
    assert pairs.columns == (first, second)
    assert both(read_pairs(path, dialect=Dialect(header=False)))[0] == (first, second)


def test_the_code_of_a_language_is_no_text(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("lang,text,lang_2,translation\neng,a dog,fra,un chien\neng,a cat,fra,un chat\n")
    assert read_pairs(path).columns == ("text", "translation")
