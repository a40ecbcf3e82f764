"""Texts, pairs of texts and tagged sentences in memory, written to files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.data.labels.tagged import DOCUMENT
from gatewise.data.memory.labels import check_labels, values_of
from gatewise.errors import GatewiseError


def is_path(text: str) -> bool:
    """Whether a string is the path of an existing file or folder, not a text."""
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
    """Writes a text to a file, or several texts to numbered files in a folder, unchanged.

    Raises: `GatewiseError` if one is not a text.
    """
    if isinstance(data, str):
        path = folder / "text.txt"
        path.write_bytes(_encoded(data, "the text"))
        return path
    home = folder / "texts"
    home.mkdir()
    for number, text in enumerate(data):
        (home / f"{number:08d}.txt").write_bytes(_encoded(text, f"text {number}"))
    return home


def write_column(data: Iterable[str], folder: Path, name: str) -> Path:
    """Writes texts, of one or more lines, to a table with one column.

    Raises: `GatewiseError` if one is not a text.
    """
    path = folder / "texts.parquet"
    texts = [_encoded(text, f"text {number}").decode() for number, text in enumerate(data)]
    pl.DataFrame({name: texts}).write_parquet(path)
    return path


def write_pairs(data: Iterable[Sequence[str]], folder: Path) -> Path:
    """Writes (source, target) pairs to a table with these two columns.

    Raises: `GatewiseError` if one is not a pair of texts.
    """
    pairs = list(data)
    for number, pair in enumerate(pairs):
        if isinstance(pair, str) or len(pair) != 2:
            raise GatewiseError(f"pair {number}: expected (source, target), got {pair!r}")
    path = folder / "pairs.parquet"
    texts = [
        [_encoded(text, f"pair {number}").decode() for text in pair] for number, pair in enumerate(pairs)
    ]
    pl.DataFrame(texts, schema=["source", "target"], orient="row").write_parquet(path)
    return path


def write_tagged(sentences: Iterable[Sequence[str]], labels: Any, folder: Path) -> Path:
    """Writes sentences, as lists of tokens, and the label of each token in the CoNLL format.

    Raises: `GatewiseError` with the number of the sentence whose tokens or labels can't be written.
    """
    given = [values_of(one) for one in sentences]
    tags = [["O"] * len(one) for one in given] if labels is None else [values_of(one) for one in labels]
    if len(given) != len(tags):
        raise GatewiseError(f"there are {len(given)} sentences and {len(tags)} lists of labels")
    path = folder / "sentences.conll"
    with path.open("wb") as file:
        for number, (tokens, own) in enumerate(zip(given, tags, strict=True)):
            if len(tokens) != len(own):
                raise GatewiseError(
                    f"sentence {number} has {len(tokens)} tokens and {len(own)} labels; give one for each"
                )
            if not tokens:
                raise GatewiseError(f"sentence {number} has no tokens; leave it out")
            names = check_labels(own, f"sentence {number}, label {{number}}").cast(pl.String)
            for token, label in zip(tokens, names, strict=True):
                _check_cells(number, token, label)
                file.write(_encoded(f"{token}\t{label}\n", f"sentence {number}"))
            file.write(b"\n")
    return path


def _check_cells(number: int, token: object, label: str) -> None:
    """Raises: `GatewiseError` if a token or its label can't be a cell of a line."""
    if not isinstance(token, str) or not token or any(letter.isspace() for letter in token):
        raise GatewiseError(f"sentence {number}: expected tokens without spaces, got {token!r}")
    if token == DOCUMENT:
        raise GatewiseError(f"sentence {number}: the token {token!r} separates documents; remove it")
    if "\t" in label or "\n" in label:
        raise GatewiseError(f"sentence {number}: expected labels without tabs or line breaks, got {label!r}")


def _encoded(text: object, place: str) -> bytes:
    """A text in UTF-8. Raises: `GatewiseError` if it is not a text, or contains a lone surrogate."""
    if not isinstance(text, str):
        raise GatewiseError(f"{place}: expected a string, got {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        found = text[error.start]
        raise GatewiseError(
            f"{place}: character {error.start} is {found!r}, which can't be encoded in UTF-8"
        ) from error


def _is_list(data: object) -> bool:
    return isinstance(data, list | tuple) and bool(data)


def _some(data: Any) -> Sequence[Any]:
    return data[:100]
