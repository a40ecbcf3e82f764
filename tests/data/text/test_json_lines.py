"""Texts in JSON lines are read as texts, not as JSON."""

import json
import tempfile

import pytest

from gatewise.data.text.text import find_texts
from gatewise.errors import GatewiseError

TEXTS = ["A line\nand another.", "日本語 🙂", 'with "quotes"\n']


def lines(folder, entries, name="texts.jsonl"):
    path = folder / name
    path.write_text("".join(f"{json.dumps(one)}\n" for one in entries), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "entries",
    [
        TEXTS,
        [{"text": one, "source": "web", "id": 3} for one in TEXTS],
        [{"id": 3, "body": one} for one in TEXTS],
    ],
    ids=["texts", "a key text", "one text each"],
)
def test_the_texts_are_read(tmp_path, entries, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = find_texts(lines(tmp_path, entries))
    expected = 'A line\nand another.\n日本語 🙂\nwith "quotes"\n'
    assert files.read(0, files.size).decode() == expected
    assert files.paths == (tmp_path / "texts.jsonl",)
    del files
    assert [one.name for one in tmp_path.iterdir()] == ["texts.jsonl"]


def test_a_folder_of_them(tmp_path):
    lines(tmp_path, TEXTS[:1], "a.jsonl")
    lines(tmp_path, [], "b.jsonl")
    lines(tmp_path, TEXTS[1:], "c.jsonl")
    files = find_texts(tmp_path, "*.jsonl")
    assert files.read(0, files.size).decode().splitlines()[2] == TEXTS[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a"}\n{"text": \n', "texts.jsonl, line 2: it is not JSON"),
        (
            b'{"a": "x", "b": "y"}\n',
            "line 1: expected a text of the key 'text', or one text only; it has 'a', 'b'",
        ),
        (b'\n{"a": 1}\n', "line 2: expected a text of the key 'text', or one text only; it has none"),
        (b"[1]\n", r'line 1: expected an object such as {"text": "..."}, got list'),
        (b'"\xff"\n', "line 1: it is not JSON"),
    ],
)
def test_other_lines_are_refused(tmp_path, content, message, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / "texts.jsonl"
    path.write_bytes(content)
    with pytest.raises(GatewiseError) as refused:
        find_texts(path)
    assert message in str(refused.value)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_without_texts(tmp_path):
    with pytest.raises(GatewiseError, match="is empty; there is nothing to learn from"):
        find_texts(lines(tmp_path, []))
