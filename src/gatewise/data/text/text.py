"""A text of any size for language models: split by place, tokenized block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from gatewise.data.splits import TITLES, Fractions
from gatewise.data.text.text_files import CHUNK, TextFiles, TextSurvey, survey_text
from gatewise.data.tokenizers.streams import (
    Bytes,
    Characters,
    StreamTokenizer,
    StreamUnit,
    abridge,
    learn_byte_pairs,
    learn_words,
)
from gatewise.errors import GatewiseError

CACHED = 512  # blocks of a text that stay tokenized
BEFORE = 2**12  # bytes before a set, from which a network may compute its state
DEFAULT_PAIRS = 2000  # symbols of byte pairs

ENCODED = ("words", "bpe")  # symbols whose number is known only after encoding

Progress = Callable[[float], None]


class Text:
    """One set of a text as symbols, of which only some blocks are in memory.

    Args:
        starts: [N + 1], the first bytes of blocks, and the end; places: [N + 1], the symbols before each
        before: the number of these symbols before the set, which are only read as context
        characters, unknown_words: the number of characters and of unknown words of the set
    """

    files: TextFiles
    tokenizer: StreamTokenizer
    before: int
    characters: int
    unknown_words: int

    def __init__(
        self,
        files: TextFiles,
        tokenizer: StreamTokenizer,
        *,
        starts: np.ndarray,
        places: np.ndarray,
        before: int,
        characters: int,
        unknown_words: int = 0,
    ) -> None:
        self.files, self.tokenizer, self.before = files, tokenizer, before
        self.characters, self.unknown_words = characters, unknown_words
        self._starts, self._places = starts, places
        self._block = lru_cache(CACHED)(self._encode)

    def __len__(self) -> int:
        return int(self._places[-1]) - self.before

    def symbols(self, first: int, last: int) -> np.ndarray:
        """The symbols `first` to `last` (excluded) of the set; negative numbers are before it."""
        first, last = first + self.before, last + self.before
        block = int(np.searchsorted(self._places, first, side="right")) - 1
        parts = []
        while block < len(self._places) - 1 and self._places[block] < last:
            start = int(self._places[block])
            parts.append(self._block(block)[max(first - start, 0) : last - start])
            block += 1
        return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)

    def empty(self) -> Text:
        """A set of this text without symbols."""
        start = np.zeros(1, np.int64)
        return Text(self.files, self.tokenizer, starts=start, places=start, before=0, characters=0)

    def chunks(self, length: int, first: int = 0) -> Iterator[np.ndarray]:
        """Yields all symbols from `first` on, `length` at a time."""
        for start in range(first, len(self), length):
            yield self.symbols(start, min(start + length, len(self)))

    def _encode(self, block: int) -> np.ndarray:
        return self.tokenizer.encode(self.files.read(int(self._starts[block]), int(self._starts[block + 1])))


@dataclass(frozen=True)
class SplitText:
    """A text in three sets, one after another, and notes on it."""

    tokenizer: StreamTokenizer
    train: Text
    validation: Text
    test: Text
    notes: tuple[str, ...]


@dataclass(frozen=True)
class StreamConfig:
    """How a tokenizer is learned. size: its most symbols, 0 for the default"""

    kind: StreamUnit
    size: int = 0

    def learn(self, files: TextFiles, train: TextSurvey) -> StreamTokenizer:
        """The tokenizer of the training set of a text."""
        if self.kind == "bytes":
            return Bytes()
        if self.kind in ENCODED:
            blocks = zip(train.starts[:-1].tolist(), train.starts[1:].tolist(), strict=True)
            texts = (files.read(*one).decode() for one in blocks)
            if self.kind == "words":
                return learn_words(texts, self.size)
            return learn_byte_pairs(texts, self.size or DEFAULT_PAIRS)
        seen = np.flatnonzero(train.counts)
        if self.size:  # the most frequent ones, equally frequent ones by their code points
            seen = np.sort(seen[np.argsort(-train.counts[seen], kind="stable")][: self.size - 1])
        return Characters("".join(map(chr, seen.tolist())))


def find_texts(path: Path, pattern: str = "*.txt") -> TextFiles:
    """Finds a text file, or the files of a folder that match a pattern, in the order of their names.

    Raises: `GatewiseError` if there is no file, or all are empty.
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
    files: TextFiles,
    fractions: Fractions,
    tokenizer: StreamConfig | StreamTokenizer,
    progress: Progress = lambda fraction: None,
) -> SplitText:
    """Splits a text into three sets, with a tokenizer that is given, or learned from the training set.

    fractions: of the bytes; progress: is called with the fraction that has been read

    Raises: `GatewiseError` if the text is too short for three sets, or not in UTF-8.
    """
    first = files.border(int(files.size * (1 - fractions.test - fractions.validation)))
    second = files.border(int(files.size * (1 - fractions.test)))
    if not 0 < first < second < files.size:
        raise GatewiseError(
            f"{files.paths[0]} has {files.size} bytes, too few for three sets; "
            "give a longer text, or another --validation-fraction and --test-fraction"
        )
    passes = _Passes(files, tokenizer.kind, progress)
    surveys = [passes.survey(*one) for one in ((0, first), (first, second), (second, files.size))]
    if isinstance(tokenizer, StreamConfig):
        _require_two(files, surveys[0])
        tokenizer = tokenizer.learn(files, surveys[0])
    train, validation, test = (
        passes.text(tokenizer, found, before)
        for found, before in zip(surveys, (0, BEFORE, BEFORE), strict=True)
    )
    sizes = (f"{title} set {one.characters:,}" for title, one in zip(TITLES.values(), surveys, strict=True))
    notes = [_describe(files, tokenizer, surveys), f"{', '.join(sizes)} characters, one after another"]
    for title, found, text in zip(TITLES.values(), surveys, (train, validation, test), strict=True):
        notes += _describe_unknown(text, found, f"the {title} set")
    return SplitText(tokenizer, train, validation, test, tuple(notes))


def read_whole(
    files: TextFiles, tokenizer: StreamTokenizer, progress: Progress = lambda fraction: None
) -> tuple[Text, tuple[str, ...]]:
    """A text as one set, and notes on it. Raises: `GatewiseError` if it is too short, or not in UTF-8."""
    passes = _Passes(files, tokenizer.kind, progress)
    found = passes.survey(0, files.size)
    text = passes.text(tokenizer, found, 0)
    if len(text) < 2:
        raise GatewiseError(f"{files.paths[0]} has only one symbol; there is nothing to predict")
    return text, (_describe(files, tokenizer, [found]), *_describe_unknown(text, found, "it"))


class _Passes:
    """Passes over a text, with their progress."""

    def __init__(self, files: TextFiles, kind: StreamUnit, progress: Progress) -> None:
        self.files, self.kind = files, kind
        self._progress, self._all, self._done = progress, files.size * (2 if kind in ENCODED else 1), 0

    def survey(self, first: int, last: int) -> TextSurvey:
        """Surveys a range. Raises: `GatewiseError` with a place that is not UTF-8, unless bytes are read."""
        found = survey_text(self.files, first, last, self._advance)
        if found.invalid is not None and self.kind != "bytes":
            byte = self.files.read(found.invalid, found.invalid + 1)[0]
            raise GatewiseError(
                f"{self.files.where(found.invalid)}: 0x{byte:02X} is not UTF-8; "
                "save the text as UTF-8, or give --tokenizer bytes"
            )
        if self.kind != "bytes" and found.counts[:1].any():
            raise GatewiseError(
                f"{self.files.where(self._first_zero(first, last))}: a byte is zero, so this is not text; "
                "save it as UTF-8, or give --tokenizer bytes"
            )
        return found

    def _first_zero(self, first: int, last: int) -> int:
        for start in range(first, last, CHUNK):
            place = self.files.read(start, min(start + CHUNK, last)).find(0)
            if place >= 0:
                return start + place
        return first

    def text(self, tokenizer: StreamTokenizer, found: TextSurvey, before: int) -> Text:
        """A surveyed range, with up to `before` bytes before it as context."""
        first = int(found.starts[0])
        earlier = self.files.border(max(first - before, 0))
        lead = len(tokenizer.encode(self.files.read(earlier, first)))
        lengths, unknown_words = self._lengths(tokenizer, found)
        starts, places = found.starts, np.cumsum(np.append(0, lengths))
        if lead:
            starts, places = np.append(earlier, starts), np.append(0, lead + places)
        return Text(
            self.files,
            tokenizer,
            starts=starts,
            places=places,
            before=lead,
            characters=found.characters,
            unknown_words=unknown_words,
        )

    def _lengths(self, tokenizer: StreamTokenizer, found: TextSurvey) -> tuple[np.ndarray, int]:
        """The number of symbols of each block, and of unknown words in all of them."""
        if tokenizer.kind == "bytes":
            return np.diff(found.starts), 0
        if tokenizer.kind == "characters":
            return found.lengths, 0
        lengths, unknown_words = [], 0
        for first, last in zip(found.starts[:-1].tolist(), found.starts[1:].tolist(), strict=True):
            symbols = tokenizer.encode(self.files.read(first, last))
            lengths.append(len(symbols))
            unknown_words += int((symbols == tokenizer.unknown).sum()) if tokenizer.kind == "words" else 0
            self._advance(last - first)
        return np.array(lengths), unknown_words

    def _advance(self, read: int) -> None:
        self._done += read
        self._progress(min(self._done / self._all, 1.0))


def _require_two(files: TextFiles, train: TextSurvey) -> None:
    """Raises: `GatewiseError` if the training set repeats one symbol."""
    if train.invalid is None and np.count_nonzero(train.counts) < 2:
        only = chr(int(np.argmax(train.counts)))
        raise GatewiseError(
            f"{files.paths[0]}: the training set only repeats {only!r}; there is nothing to learn"
        )


def _describe(files: TextFiles, tokenizer: StreamTokenizer, surveys: list[TextSurvey]) -> str:
    """The size of a text and of its vocabulary, in a sentence."""
    symbols = {
        "characters": f"{len(tokenizer) - 1} different ones known",
        "bytes": "read byte by byte",
        "words": f"{len(tokenizer) - 1:,} different words known",
        "bpe": f"read as {len(tokenizer):,} byte pairs",
    }
    several = f"{len(files.paths)} files, " if len(files.paths) > 1 else ""
    others = f"; files with other names, left out: {files.others:,} (--files)" if files.others else ""
    count = sum(one.characters for one in surveys)
    return f"{several}{count:,} characters, {symbols[tokenizer.kind]}{others}"


def _describe_unknown(text: Text, found: TextSurvey, name: str) -> list[str]:
    """A note on the characters or words of a set that its tokenizer does not know, if there are any."""
    tokenizer = text.tokenizer
    if found.invalid is not None:
        return [f"{name} is not in UTF-8: each of its bytes counts as a character"]
    if text.unknown_words:
        fraction = text.unknown_words / len(text)
        return [f"unknown words in {name}, read as one symbol: {text.unknown_words:,} ({fraction:.1%})"]
    if not isinstance(tokenizer, Characters):
        return []
    unknown = np.setdiff1d(np.flatnonzero(found.counts), [ord(one) for one in tokenizer.characters])
    if not len(unknown):
        return []
    names, times = abridge("".join(map(chr, unknown.tolist())), max_length=20), found.counts[unknown].sum()
    return [f"unknown in {name}, read as one symbol, {times:,} times: {names}"]
