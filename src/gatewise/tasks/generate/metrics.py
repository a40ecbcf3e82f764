"""Where the NLL of a text comes from: the kinds of symbols, and the least predicted positions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from gatewise.data.text.streams import TextStreams
from gatewise.data.text.text import Text
from gatewise.data.tokenizers.streams import StreamTokenizer
from gatewise.metrics.details import Details
from gatewise.tasks.generate.network import NextSymbol, TextNLL, symbol_nll, text_nll
from gatewise.tasks.predictions import Predictions

READ = 2**14  # symbols that are analysed
KINDS = ("begins a word", "within a word", "punctuation", "space", "line break")
STREAMS, LENGTH = 256, 512  # by which the gain of context is measured
PLACES, APART, AROUND = 8, 40, 34  # positions in the table, symbols between them, symbols of context


@dataclass(frozen=True)
class Passage:
    """Consecutive symbols [T + 1], and the nats [T] of each but the first."""

    tokenizer: StreamTokenizer
    symbols: np.ndarray
    nats: np.ndarray


@dataclass(frozen=True)
class TextPredictions(Predictions[NextSymbol, TextStreams]):
    """The NLL of the symbols of a split, computed where it is read first."""

    @property
    def text(self) -> Text:
        """The text of the split."""
        return self.split.text

    @cached_property
    def nll(self) -> TextNLL:
        """Of the whole text."""
        return text_nll(self.network, self.text)

    @cached_property
    def passage(self) -> Passage:
        """The symbols at the beginning of the text."""
        text = self.text
        symbols = text.symbols(-min(text.before, 1), min(READ, len(text)))
        nats = symbol_nll(self.network, torch.from_numpy(symbols)[None])[0].numpy()
        return Passage(text.tokenizer, symbols, nats)

    def nats_by_context(self) -> tuple[np.ndarray, np.ndarray]:
        """Contexts of 1, 2 .. 3, 4 .. 7, ... symbols, and the mean nats of the next: [bins], [bins]."""
        text = self.text
        length = min(LENGTH, len(text))
        starts = np.linspace(0, len(text) - length, min(STREAMS, max(len(text) // length, 1))).astype(int)
        symbols = np.stack([text.symbols(start, start + length) for start in starts.tolist()])
        nats = symbol_nll(self.network, torch.from_numpy(symbols)).double().mean(0).numpy()
        borders = 2 ** np.arange(int(np.log2(len(nats))) + 1) - 1
        means = np.add.reduceat(nats, borders) / np.diff(np.append(borders, len(nats)))
        return borders + 1, means

    def most_probable(self, position: int) -> tuple[str, float]:
        """The most probable symbol at a position of the passage, and its probability.

        It is given up to 400 symbols before it.
        """
        passage = self.passage
        context = torch.from_numpy(passage.symbols[max(position - 400, 0) : position + 1])[None]
        with torch.inference_mode():
            logs, _ = self.network.next(context.to(self.network.device))
        symbol = int(logs[0].argmax())
        return passage.tokenizer.display(symbol), float(logs[0, symbol].exp())


def nll_by_kind(passage: Passage) -> Details:
    """A table of the nats of each kind of symbol."""
    kinds = np.array(kinds_of(passage)[1:])
    rows = []
    for kind in (*KINDS, "other"):
        nats = passage.nats[kinds == kind]
        if len(nats):
            fraction, of_total = len(nats) / len(kinds), nats.sum() / passage.nats.sum()
            rows.append((kind, f"{fraction:.1%}", f"{nats.mean():.2f}", f"{of_total:.1%}"))
    return Details(
        "NLL by kind of symbol",
        ("kind of symbol", "of the symbols", "nats/symbol", "of all nats"),
        tuple(rows),
    )


def least_predicted(predictions: TextPredictions) -> Details:
    """A table of the positions with the highest NLL, and the symbol predicted there."""
    passage = predictions.passage
    chosen: list[int] = []
    for position in np.argsort(-passage.nats, kind="stable").tolist():
        if len(chosen) < PLACES and all(abs(position - other) > APART for other in chosen):
            chosen.append(position)
    rows = []
    for position in chosen:
        predicted, probability = predictions.most_probable(position)
        preceding = "".join(
            map(passage.tokenizer.display, passage.symbols[max(position + 1 - AROUND, 0) : position + 1])
        )
        actual = passage.tokenizer.display(int(passage.symbols[position + 1]))
        rows.append(
            (preceding[-AROUND:], actual, f"{passage.nats[position]:.1f}", f"{predicted} ({probability:.0%})")
        )
    return Details("positions with the highest NLL", ("after", "actual", "nats", "predicted"), tuple(rows))


def kinds_of(passage: Passage) -> list[str]:
    """The kind of each symbol, by its first character and the character before it."""
    kinds, previous = [], " "
    for symbol in passage.symbols.tolist():
        text = passage.tokenizer.decode([symbol])
        kinds.append(_kind(text, previous))
        previous = text[-1:] or previous
    return kinds


def _kind(text: str, previous: str) -> str:
    bare = text.strip()
    if not bare:
        return "line break" if "\n" in text else "space"
    if bare[0].isalnum():
        within = text[0].isalnum() and (previous.isalnum() or previous == "'")
        return "within a word" if within else "begins a word"
    return "other" if bare[0] == "\N{REPLACEMENT CHARACTER}" else "punctuation"
