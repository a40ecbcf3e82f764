"""A text of any size to learn what comes next: split by place, decoded block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from gatewise.data.text.alphabet import (
    Alphabet,
    Bytes,
    Characters,
    Kind,
    abridged,
    learn_byte_pairs,
)
from gatewise.data.text.text_files import PIECE, Survey, TextFiles, survey
from gatewise.errors import GatewiseError

KEPT = 512  # blocks of a text that stay decoded
BEFORE = 2**12  # bytes before a part from which a network may draw its state
USUAL_PAIRS = 2000  # symbols, where an alphabet of byte pairs is not told how many

Tell = Callable[[float], None]


class Text:
    """A part of a text as symbols; only blocks of it are ever in memory.

    starts: [N + 1], the bytes where blocks begin; places: [N + 1], the symbols before each
    before: how many of these symbols come before the part, and are there only to be read
    characters: how many the part itself has
    """

    def __init__(
        self, files: TextFiles, alphabet: Alphabet, starts: np.ndarray, places: np.ndarray, before: int,
        characters: int,
    ) -> None:  # fmt: skip
        self.files, self.alphabet, self.before, self.characters = files, alphabet, before, characters
        self._starts, self._places = starts, places
        self._block = lru_cache(KEPT)(self._decoded)

    def __len__(self) -> int:
        return int(self._places[-1]) - self.before

    def symbols(self, first: int, last: int) -> np.ndarray:
        """The symbols `first` to `last` (excluded) of the part; from `-before` on there are some."""
        first, last = first + self.before, last + self.before
        block = int(np.searchsorted(self._places, first, side="right")) - 1
        parts = []
        while block < len(self._places) - 1 and self._places[block] < last:
            start = int(self._places[block])
            parts.append(self._block(block)[max(first - start, 0) : last - start])
            block += 1
        return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)

    def pieces(self, length: int, first: int = 0) -> Iterator[np.ndarray]:
        """All symbols from `first` on, some at a time."""
        for start in range(first, len(self), length):
            yield self.symbols(start, min(start + length, len(self)))

    def _decoded(self, block: int) -> np.ndarray:
        return self.alphabet.encode(self.files.read(int(self._starts[block]), int(self._starts[block + 1])))


@dataclass(frozen=True)
class SplitText:
    """A text in three parts, one after another, and what a reader of the scores must know."""

    alphabet: Alphabet
    train: Text
    validation: Text
    test: Text
    notes: tuple[str, ...]


@dataclass(frozen=True)
class VocabularyConfig:
    """An alphabet that is to be learned; `most`: how many symbols it may have, 0 for a usual number."""

    kind: Kind
    most: int = 0

    def learned(self, files: TextFiles, train: Survey) -> Alphabet:
        """From the training part of a text."""
        if self.kind == "bytes":
            return Bytes()
        if self.kind == "bpe":
            blocks = zip(train.starts[:-1].tolist(), train.starts[1:].tolist(), strict=True)
            return learn_byte_pairs((files.read(*one).decode() for one in blocks), self.most or USUAL_PAIRS)
        seen = np.flatnonzero(train.counts)
        if self.most:  # of equally frequent ones, those that Unicode has first
            seen = np.sort(seen[np.argsort(-train.counts[seen], kind="stable")][: self.most - 1])
        return Characters("".join(map(chr, seen.tolist())))


@dataclass(frozen=True)
class Split:
    """How a text is split by place: shares of its bytes, the last of them for the test."""

    validation: float
    test: float

    def borders(self, files: TextFiles) -> tuple[int, int]:
        """Where the validation and the test part begin; no character is cut."""
        return (
            files.border(int(files.size * (1 - self.test - self.validation))),
            files.border(int(files.size * (1 - self.test))),
        )


def find_texts(path: Path, pattern: str = "*.txt") -> TextFiles:
    """A text file, or those of a folder whose names fit, in the order of their names.

    Raises: `GatewiseError` if there is none, or nothing in them.
    """
    if path.is_dir():
        try:
            paths = sorted(one for one in path.rglob(pattern) if one.is_file())
        except (NotImplementedError, ValueError) as error:
            raise GatewiseError(f"expected --files as a pattern like *.txt, got {pattern!r}") from error
        if not paths:
            raise GatewiseError(
                f"there is no file {pattern} in the folder {str(path)!r}; give --files PATTERN"
            )
    elif path.is_file():
        paths = [path]
    else:
        raise GatewiseError(f"there is no file {str(path)!r}; give a text, or a folder of texts")
    others = sum(not one.is_dir() for one in path.rglob("*")) - len(paths) if path.is_dir() else 0
    files = TextFiles(paths, others)
    if not files.size:
        raise GatewiseError(f"{path} is empty; there is nothing to learn from")
    return files


def read_text(
    files: TextFiles, split: Split, wanted: VocabularyConfig | Alphabet, tell: Tell = lambda share: None
) -> SplitText:
    """Gets the three parts of a text ready, by an alphabet that is given, or learned from the first part.

    tell: hears the share that is read

    Raises: `GatewiseError` if the text is too short for its parts, or not in UTF-8.
    """
    first, second = split.borders(files)
    if not 0 < first < second < files.size:
        raise GatewiseError(
            f"{files.paths[0]} has {files.size} bytes, too few for three parts; "
            "give a longer text, or another --validation-fraction and --test-fraction"
        )
    passes = _Passes(files, wanted.kind, tell)
    surveys = [passes.survey(*one) for one in ((0, first), (first, second), (second, files.size))]
    if isinstance(wanted, Alphabet):
        alphabet = wanted
    else:
        _require_two(files, surveys[0])
        alphabet = wanted.learned(files, surveys[0])
    train, validation, test = (
        passes.part(alphabet, found, before)
        for found, before in zip(surveys, (0, BEFORE, BEFORE), strict=True)
    )
    sizes = [f"{one.characters:,}" for one in surveys]
    notes = [
        _size(files, alphabet, surveys),
        f"learnt from the first {sizes[0]}, chosen by the next {sizes[1]}, tested on the last {sizes[2]}",
    ]
    for name, found in zip(("training", "validation", "test"), surveys, strict=True):
        notes += _strange(alphabet, found, f"the {name} part")
    return SplitText(alphabet, train, validation, test, tuple(notes))


def read_whole(
    files: TextFiles, alphabet: Alphabet, tell: Tell = lambda share: None
) -> tuple[Text, tuple[str, ...]]:
    """A text as one part, and notes on it. Raises: `GatewiseError` if it is too short, or not in UTF-8."""
    passes = _Passes(files, alphabet.kind, tell)
    found = passes.survey(0, files.size)
    text = passes.part(alphabet, found, 0)
    if len(text) < 2:
        raise GatewiseError(f"{files.paths[0]} has one symbol only; there is nothing to foretell in it")
    return text, (_size(files, alphabet, [found]), *_strange(alphabet, found, "it"))


class _Passes:
    """Readings of a text from its beginning to its end, and how far they are."""

    def __init__(self, files: TextFiles, kind: Kind, tell: Tell) -> None:
        self.files, self.kind = files, kind
        self._tell, self._all, self._done = tell, files.size * (2 if kind == "bpe" else 1), 0

    def survey(self, first: int, last: int) -> Survey:
        """Raises: `GatewiseError` with the place of what is no text in UTF-8, unless symbols are bytes."""
        found = survey(self.files, first, last, self._went_on)
        if found.wrong is not None and self.kind != "bytes":
            byte = self.files.read(found.wrong, found.wrong + 1)[0]
            raise GatewiseError(
                f"{self.files.where(found.wrong)}: 0x{byte:02X} is not UTF-8; "
                "save the text as UTF-8, or give --tokenizer bytes"
            )
        if self.kind != "bytes" and found.counts[:1].any():
            raise GatewiseError(
                f"{self.files.where(self._first_zero(first, last))}: a byte is zero, which is in no text; "
                "save it as UTF-8, or give --tokenizer bytes"
            )
        return found

    def _first_zero(self, first: int, last: int) -> int:
        for start in range(first, last, PIECE):
            place = self.files.read(start, min(start + PIECE, last)).find(0)
            if place >= 0:
                return start + place
        return first

    def part(self, alphabet: Alphabet, found: Survey, before: int) -> Text:
        """A surveyed part, and what stands up to so many bytes before it."""
        first = int(found.starts[0])
        earlier = self.files.border(max(first - before, 0))
        lead = len(alphabet.encode(self.files.read(earlier, first)))
        starts, places = found.starts, np.cumsum(np.append(0, self._lengths(alphabet, found)))
        if lead:
            starts, places = np.append(earlier, starts), np.append(0, lead + places)
        return Text(self.files, alphabet, starts, places, lead, found.characters)

    def _lengths(self, alphabet: Alphabet, found: Survey) -> np.ndarray:
        """The symbols of each block."""
        if alphabet.kind == "bytes":
            return np.diff(found.starts)
        if alphabet.kind == "characters":
            return found.lengths
        lengths = []
        for first, last in zip(found.starts[:-1].tolist(), found.starts[1:].tolist(), strict=True):
            lengths.append(len(alphabet.encode(self.files.read(first, last))))
            self._went_on(last - first)
        return np.array(lengths)

    def _went_on(self, read: int) -> None:
        self._done += read
        self._tell(min(self._done / self._all, 1.0))


def _require_two(files: TextFiles, train: Survey) -> None:
    """Raises: `GatewiseError` if the part to train on is one symbol over and over."""
    if train.wrong is None and np.count_nonzero(train.counts) < 2:
        only = chr(int(np.argmax(train.counts)))
        raise GatewiseError(
            f"{files.paths[0]}: all of the part to train on is {only!r}; there is nothing to learn from it"
        )


def _size(files: TextFiles, alphabet: Alphabet, surveys: list[Survey]) -> str:
    """How much there is of a text, and of what."""
    symbols = {
        "characters": f"{len(alphabet) - 1} different ones known",
        "bytes": "read byte by byte",
        "bpe": f"read as {len(alphabet):,} byte pairs",
    }
    several = f"{len(files.paths)} files, " if len(files.paths) > 1 else ""
    others = f"; files of other names, left out: {files.others:,} (--files)" if files.others else ""
    return f"{several}{sum(one.characters for one in surveys):,} characters, {symbols[alphabet.kind]}{others}"


def _strange(alphabet: Alphabet, found: Survey, name: str) -> list[str]:
    """What an alphabet lacks in a part."""
    if found.wrong is not None:
        return [f"{name} is not in UTF-8: each of its bytes counts as a character"]
    if not isinstance(alphabet, Characters):
        return []
    strange = np.setdiff1d(np.flatnonzero(found.counts), [ord(one) for one in alphabet.characters])
    if not len(strange):
        return []
    names, times = abridged("".join(map(chr, strange.tolist())), most=20), found.counts[strange].sum()
    return [f"unknown in {name}, and all one symbol, {times:,} times: {names}"]
