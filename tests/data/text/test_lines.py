"""Lines of a file: as Python reads them, from disk and packed, and where one can't be read."""

import gzip

import pytest

from gatewise.data.text import lines
from gatewise.data.text.lines import Lines
from gatewise.errors import GatewiseError

TEXT = "first\n\nzweite Zeile ü\r\n漢字\tx\n\nlast"


@pytest.fixture(params=["plain", "packed"])
def write(request, tmp_path):
    def written(content):
        path = tmp_path / "text"
        path.write_bytes(gzip.compress(content) if request.param == "packed" else content)
        return path

    return written


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("chunk", [1, 4, 1 << 24])
def test_lines_are_those_that_python_reads(write, monkeypatch, end, chunk):
    monkeypatch.setattr(lines, "CHUNK", chunk)
    found = Lines(write((TEXT + end).encode()))
    assert list(found) == TEXT.replace("\r", "").split("\n")
    assert [found[number] for number in (5, 2)] == ["last", "zweite Zeile ü"]
    with pytest.raises(IndexError):
        found[6]


def test_a_byte_order_mark_is_not_text(write):
    assert list(Lines(write(b"\xef\xbb\xbfone\ntwo"))) == ["one", "two"]


def test_bytes_that_are_not_utf8_are_refused_with_their_place(write):
    path = write("eins\nzw\u00f6lf\n".encode("latin-1"))
    with pytest.raises(
        GatewiseError, match=r"text, line 2: byte 3 of the line \(0xf6\) is not UTF-8; save the file"
    ):
        list(Lines(path))


def test_zero_bytes_are_refused(write):
    with pytest.raises(GatewiseError, match="text, line 2: byte 3 of the line is zero, so it is not text"):
        list(Lines(write(b"eins\nzw\0lf\n")))


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"a\n" * 500_000))
    assert len(Lines(path)) == 500_000
    monkeypatch.setattr(lines, "SMALL", 1000)
    monkeypatch.setattr(lines, "CHUNK", 1000)
    with pytest.raises(
        GatewiseError, match=r"bomb.gz decompresses to more than 100 times its size, .* decompress it first"
    ):
        Lines(path)


def test_an_empty_file(write):
    with pytest.raises(GatewiseError, match="text is empty; give a text file with a sentence in each line"):
        Lines(write(b""))


def test_a_missing_and_a_damaged_file(tmp_path):
    with pytest.raises(GatewiseError, match=r"there is no file '.*nothing'"):
        Lines(tmp_path / "nothing")
    (tmp_path / "half.gz").write_bytes(gzip.compress(TEXT.encode() * 50)[:40])
    with pytest.raises(GatewiseError, match=r"half\.gz can't be decompressed"):
        Lines(tmp_path / "half.gz")
