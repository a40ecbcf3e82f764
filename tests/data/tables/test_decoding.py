"""Tables of text in any compression and encoding: the same rows, or one line that names what is wrong."""

import bz2
import codecs
import gzip
import io
import lzma
import random
import re
import sys
import zipfile

import pyarrow
import pytest

from gatewise.data.sequences.long_table import LongColumns, read_long
from gatewise.data.series.series import read_series
from gatewise.data.tables import decoding, table, zstandard
from gatewise.data.tables.table import read_table
from gatewise.data.text.pairs import read_pairs
from gatewise.errors import GatewiseError

PLAIN = "a,b\n1,2\n3,ä\n"
ROWS = [("1", "2"), ("3", "ä")]


def gzipped(content):
    """Without the time of its making, which would make names of tests differ."""
    return gzip.compress(content, mtime=0)


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


COMPRESSED = {
    "gzip": gzip.compress,
    "gzip in members": lambda text: gzip.compress(text[:5]) + gzip.compress(text[5:]),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": lambda text: pyarrow.compress(text, "zstd", asbytes=True),
    "zstd in frames": lambda text: b"".join(
        pyarrow.compress(part, "zstd", asbytes=True) for part in (text[:5], text[5:])
    ),
    "zip": lambda text: zipped({"table.csv": text}),
    "zip from a Macintosh": lambda text: zipped({"a/": "", "a/table.csv": text, "__MACOSX/t.csv": "x"}),
}
ENCODED = {
    "utf-8": str.encode,
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 big endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
}


@pytest.fixture
def write(tmp_path):
    def to_file(content, name="table.csv"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return to_file


@pytest.mark.parametrize("encode", ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("compress", [bytes, *COMPRESSED.values()], ids=["plain", *COMPRESSED])
def test_compressed_and_encoded_tables_are_the_same_rows(write, compress, encode):
    found = read_table(write(compress(encode(PLAIN))))
    assert (found.columns, found.frame.rows()) == (["a", "b"], ROWS)
    assert [found.place(row) for row in range(2)] == ["line 2", "line 3"]


@pytest.mark.parametrize("compress", COMPRESSED.values(), ids=COMPRESSED)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_long_compressed_tables_are_read_in_pieces(write, monkeypatch, compress, encoding):
    monkeypatch.setattr(table, "BYTES_AT_ONCE", 1000)
    monkeypatch.setattr(decoding, "SAMPLE", 700)
    text = "a,b\n" + "".join(f"{row},ä{'x' * (row % 7)}\n" for row in range(900))
    found = read_table(write(compress(text.encode(encoding))))
    assert found.frame.rows() == [(str(row), f"ä{'x' * (row % 7)}") for row in range(900)]


def test_no_more_is_decompressed_than_is_read(write):
    path = write(gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000, 1))
    with decoding.open_table(path) as stream:
        assert stream.read(8) == b"a,b\n1,2\n"
        assert stream.raw.source.tell() == decoding.SAMPLE


@pytest.mark.parametrize("compress", COMPRESSED.values(), ids=COMPRESSED)
def test_series_sequences_and_pairs_from_compressed_files(write, compress):
    series = "date,y\n" + "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 10))
    assert read_series(write(compress(series.encode("utf-16")))).series[0].target.tolist() == [*range(1, 10)]
    steps = write(compress(b"id,time,x,label\n1,1,5,no\n1,2,6,no\n2,1,7,yes\n"))
    found, _ = read_long(steps, LongColumns())
    assert found.values[:].tolist() == [[5], [6], [7]]
    for name, separator in (("pairs.csv.gz", ","), ("pairs.tsv.gz", "\t")):
        text = f'de{separator}en\nder "Hund"{separator}the dog\n'
        pairs = read_pairs(write(compress(text.encode("utf-16")), name))
        assert (pairs.sources[0], pairs.targets[0]) == ('der "Hund"', "the dog")


ENCRYPTED = bytearray(zipped({"table.csv": PLAIN}))
ENCRYPTED[6] |= 1  # the flag in the header of the file, and in the directory
ENCRYPTED[ENCRYPTED.index(b"PK\x01\x02") + 8] |= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            zipped({"one.csv": PLAIN, "\n": PLAIN}),
            "it is a zip archive of 2 files ('one.csv', '\\n');",
        ),
        (
            zipped({f"{one}.csv": "" for one in range(9)}),
            "9 files ('0.csv', '1.csv', '2.csv', '3.csv', ...)",
        ),
        (zipped({}), "it is a zip archive without a file"),
        (zipped({"[Content_Types].xml": ""}), "it is an Excel file; give its name the ending .xlsx"),
        (bytes(ENCRYPTED), "it can't be decompressed (File 'table.csv' is encrypted"),
        (b"PK\x03\x04", "it can't be decompressed (File is not a zip file)"),
        (b"\x1f\x8b\x08\x00", "it can't be decompressed (Compressed file ended before"),
        (gzipped(gzipped(PLAIN.encode())), "it contains a file compressed with gzip"),
        (gzipped(b"PAR1"), "it contains a Parquet file"),
        (b"ARROW1\0\0", "it is an Arrow file; give its name the ending .arrow"),
        (b"\x28\xb5\x2f\xfd", "it can't be decompressed ("),
        (gzipped(b""), "is empty; give a table"),
        (gzipped(b"a,b\n1,\xe4\n"), "it is not in UTF-8, line 2 (byte 0xe4)"),
        (gzipped(b"a,b\n1,2,3\n"), "found more fields in line 2"),
        (PLAIN.encode("utf-16")[:-1], "it begins as UTF-16, but is not in UTF-16 throughout"),
        ("a,b\n1,\0\n".encode("utf-16"), "line 2 contains a zero byte"),
    ],
)
def test_what_is_not_a_table_is_refused_in_one_line(write, content, message):
    with pytest.raises(GatewiseError, match=re.escape(message)) as caught:
        read_table(write(content))
    assert "\n" not in str(caught.value)


def test_a_file_compressed_with_zstd_names_the_extra(write, monkeypatch):
    for name in (*zstandard.MODULES, "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        GatewiseError, match=r'compressed with zstd, which needs pip install "gatewise\[zstd\]"'
    ):
        read_table(write(COMPRESSED["zstd"](b"a,b\n1,2\n"), "table.csv.zst"))


@pytest.mark.parametrize("name", COMPRESSED)
def test_damaged_archives_are_refused_in_one_line(write, name):
    compress, has_checksum = COMPRESSED[name], "zstd" not in name  # pyarrow writes none
    text = "a,b\n" + "".join(f"{row},{row * row}\n" for row in range(300))
    whole = compress(text.encode())
    rows = read_table(write(whole)).frame.rows()
    generator = random.Random(0)
    refused = []
    for _ in range(40):
        damaged = bytearray(whole[: generator.choice([len(whole), generator.randrange(6, len(whole))])])
        damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        try:
            found = read_table(write(bytes(damaged))).frame.rows()
            assert found == rows or not has_checksum
        except GatewiseError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert not any("\n" in one for one in refused)
