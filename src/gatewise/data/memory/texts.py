"""Texts, pairs of texts and tagged sentences as files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.errors import GatewiseError


def is_path(text: str) -> bool:
    """Whether a string is the path of something that is there, not a text."""
    return len(text) < 4096 and "\n" not in text and Path(text).exists()


def is_texts(data: object) -> bool:
    """Whether the data are a text, or a list of texts."""
    return isinstance(data, str) or (_is_list(data) and all(isinstance(one, str) for one in _some(data)))


def is_pairs(data: object) -> bool:
    """Whether the data are a list of (source, target) texts."""
    return _is_list(data) and all(
        isinstance(one, tuple | list) and len(one) == 2 and all(isinstance(side, str) for side in one)
        for one in _some(data)
    )


def is_tokens(data: object) -> bool:
    """Whether the data are a list of sentences, each a list of tokens."""
    return _is_list(data) and all(
        isinstance(one, tuple | list) and all(isinstance(token, str) for token in one) for one in _some(data)
    )


def write_texts(data: str | Iterable[str], folder: Path) -> Path:
    """A text, or several as files of one folder in their order; nothing is added to them."""
    if isinstance(data, str):
        path = folder / "text.txt"
        path.write_text(data, encoding="utf-8", newline="")
        return path
    home = folder / "texts"
    home.mkdir()
    for number, text in enumerate(data):
        (home / f"{number:08d}.txt").write_text(_text(text, number), encoding="utf-8", newline="")
    return home


def write_lines(data: Iterable[str], folder: Path) -> Path:
    """Texts of one line each, a line each."""
    path = folder / "lines.txt"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, text in enumerate(data):
            if "\n" in _text(text, number):
                raise GatewiseError(f"text {number} has several lines; give texts of one line each")
            file.write(f"{text}\n")
    return path


def write_pairs(data: Iterable[Sequence[str]], folder: Path) -> Path:
    """(source, target) pairs as a table with these two columns."""
    pairs = list(data)
    for number, pair in enumerate(pairs):
        if isinstance(pair, str) or len(pair) != 2:
            raise GatewiseError(f"pair {number}: expected (source, target), got {pair!r}")
    path = folder / "pairs.parquet"
    sides = [[_text(pair[side], number) for number, pair in enumerate(pairs)] for side in (0, 1)]
    pl.DataFrame({"source": sides[0], "target": sides[1]}).write_parquet(path)
    return path


def write_tagged(
    sentences: Iterable[Sequence[str]], labels: Iterable[Sequence[str]] | None, folder: Path
) -> Path:
    """Sentences as lists of tokens, and the label of each token, in the CoNLL form: one token a line."""
    given = [list(one) for one in sentences]
    tags = [list(one) for one in labels] if labels is not None else [["O"] * len(one) for one in given]
    if len(given) != len(tags):
        raise GatewiseError(f"there are {len(given)} sentences and {len(tags)} lists of labels")
    path = folder / "sentences.conll"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, (tokens, own) in enumerate(zip(given, tags, strict=True)):
            if len(tokens) != len(own):
                raise GatewiseError(f"sentence {number} has {len(tokens)} tokens and {len(own)} labels")
            for token, label in zip(tokens, own, strict=True):
                if not token or any(letter.isspace() for letter in token):
                    raise GatewiseError(f"sentence {number}: a token can't hold blanks, got {token!r}")
                file.write(f"{token}\t{label}\n")
            file.write("\n")
    return path


def _text(text: Any, number: int) -> str:
    if not isinstance(text, str):
        raise GatewiseError(f"text {number}: expected a string, got {type(text).__name__}")
    return text


def _is_list(data: object) -> bool:
    return isinstance(data, list | tuple) and bool(data)


def _some(data: Any) -> Sequence[Any]:
    return data[:100]
