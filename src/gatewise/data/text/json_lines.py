"""Texts in JSON lines: an object with a text in each line, as data sets of texts are often kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from gatewise.errors import GatewiseError
from gatewise.plain import one_line, parse_json

ENDINGS = (".jsonl", ".ndjson")
KEY = "text"


def extract_texts(path: Path) -> Path:
    """Writes the texts of a file of JSON lines into a temporary file, one after another.

    A line is a text, or an object with a text of the key "text", or with one text only.

    Returns: the file, which the caller removes.

    Raises: `GatewiseError` with the line that has no text, or several.
    """
    with NamedTemporaryFile(prefix="gatewise-", suffix=".txt", delete=False) as file:
        extracted = Path(file.name)
        try:
            for text in _texts(path):
                file.write(text.encode() + b"\n" * (not text.endswith("\n")))
        except BaseException:
            extracted.unlink()
            raise
    return extracted


def _texts(path: Path) -> Iterator[str]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            place = f"{path}, line {number}"
            try:
                entry = parse_json(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise GatewiseError(
                    f"{place}: it is not JSON, expected an object in each line: {one_line(error)}"
                ) from error
            yield _text_of(entry, place)


def _text_of(entry: object, place: str) -> str:
    """The text of a line. Raises: `GatewiseError` if there is none, or if there are several."""
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, dict):
        example = f'{{"{KEY}": "..."}}'
        raise GatewiseError(f"{place}: expected an object such as {example}, got {type(entry).__name__}")
    texts = {key: value for key, value in entry.items() if isinstance(value, str)}
    if KEY in texts:
        return texts[KEY]
    if len(texts) != 1:
        found = ", ".join(map(repr, texts)) or "none"
        raise GatewiseError(f"{place}: expected a text of the key {KEY!r}, or one text only; it has {found}")
    return next(iter(texts.values()))
