"""Where the NLL of a text comes from: the kinds of symbols, and the least predicted positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from gatewise.data.text.text import Text
from gatewise.data.tokenizers.streams import StreamTokenizer
from gatewise.metrics.details import Details
from gatewise.tasks.generate.network import NextSymbol, symbol_nll

READ = 2**14  # symbols that are analysed
KINDS = ("begins a word", "within a word", "punctuation", "space", "line break")
PLACES, APART, AROUND = 8, 40, 34  # positions in the table, symbols between them, symbols of context


@dataclass(frozen=True)
class Passage:
    """Consecutive symbols [T + 1], and the nats [T] of each but the first."""

    tokenizer: StreamTokenizer
    symbols: np.ndarray
    nats: np.ndarray


def read_passage(model: NextSymbol, text: Text, count: int = READ) -> Passage:
    """Computes the nats of the symbols at the beginning of a split."""
    symbols = text.symbols(-min(text.before, 1), min(count, len(text)))
    return Passage(text.tokenizer, symbols, symbol_nll(model, torch.from_numpy(symbols)[None])[0].numpy())


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


def least_predicted(model: NextSymbol, passage: Passage) -> Details:
    """A table of the positions with the highest NLL, and the symbol predicted there."""
    chosen: list[int] = []
    for position in np.argsort(-passage.nats, kind="stable").tolist():
        if len(chosen) < PLACES and all(abs(position - other) > APART for other in chosen):
            chosen.append(position)
    rows = []
    for position in chosen:
        predicted, probability = _most_probable(model, passage, position)
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


def _most_probable(model: NextSymbol, passage: Passage, position: int) -> tuple[str, float]:
    """The most probable symbol at a position, and its probability, given up to 400 symbols before it."""
    context = torch.from_numpy(passage.symbols[max(position - 400, 0) : position + 1])[None]
    with torch.inference_mode():
        logs, _ = model.next(context.to(model.device))
    symbol = int(logs[0].argmax())
    return passage.tokenizer.display(symbol), float(logs[0, symbol].exp())
