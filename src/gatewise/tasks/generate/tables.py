"""Where the nats of a text go: to which kinds of symbols, and to which places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from gatewise.data.text.alphabet import Alphabet
from gatewise.data.text.text import Text
from gatewise.metrics.details import Details
from gatewise.tasks.generate.network import NextSymbol, follow

READ = 2**14  # symbols that are looked at
KINDS = ("begins a word", "within a word", "punctuation", "space", "line break")
PLACES, APART, AROUND = 8, 40, 34  # surprises told, the symbols between them, and those shown before


@dataclass(frozen=True)
class Passage:
    """Symbols [T + 1] as they follow each other, and the nats [T] of each but the first."""

    alphabet: Alphabet
    symbols: np.ndarray
    nats: np.ndarray


def read_passage(model: NextSymbol, text: Text, most: int = READ) -> Passage:
    """The beginning of a part, foretold symbol by symbol."""
    symbols = text.symbols(-min(text.before, 1), min(most, len(text)))
    return Passage(text.alphabet, symbols, follow(model, torch.from_numpy(symbols)[None])[0].numpy())


def costs(passage: Passage) -> Details:
    """What each kind of symbol costs."""
    kinds = np.array(kinds_of(passage)[1:])
    rows = []
    for kind in (*KINDS, "other"):
        own = passage.nats[kinds == kind]
        if len(own):
            share, all_nats = len(own) / len(kinds), own.sum() / passage.nats.sum()
            rows.append((kind, f"{share:.1%}", f"{own.mean():.2f}", f"{all_nats:.1%}"))
    return Details(
        "where its nats go", ("kind of symbol", "of the symbols", "nats each", "of all nats"), tuple(rows)
    )


def surprises(model: NextSymbol, passage: Passage) -> Details:
    """Where it was most wrong, and what it had expected there."""
    chosen: list[int] = []
    for place in np.argsort(-passage.nats, kind="stable").tolist():
        if len(chosen) < PLACES and all(abs(place - one) > APART for one in chosen):
            chosen.append(place)
    rows = []
    for place in chosen:
        expected, chance = _expected(model, passage, place)
        before = "".join(map(passage.alphabet.shown, passage.symbols[max(place + 1 - AROUND, 0) : place + 1]))
        came = passage.alphabet.shown(int(passage.symbols[place + 1]))
        rows.append((before[-AROUND:], came, f"{passage.nats[place]:.1f}", f"{expected} ({chance:.0%})"))
    return Details("the most surprising places", ("after", "came", "nats", "expected"), tuple(rows))


def kinds_of(passage: Passage) -> list[str]:
    """The kind of each symbol, by its first sign and by what stands before it."""
    kinds, before = [], " "
    for symbol in passage.symbols.tolist():
        text = passage.alphabet.decode([symbol])
        kinds.append(_kind(text, before))
        before = text[-1:] or before
    return kinds


def _kind(text: str, before: str) -> str:
    bare = text.strip()
    if not bare:
        return "line break" if "\n" in text else "space"
    if bare[0].isalnum():
        within = text[0].isalnum() and (before.isalnum() or before == "'")
        return "within a word" if within else "begins a word"
    return "other" if bare[0] == "\N{REPLACEMENT CHARACTER}" else "punctuation"


def _expected(model: NextSymbol, passage: Passage, place: int) -> tuple[str, float]:
    """The likeliest symbol at a place, and its probability, from some hundred symbols before it."""
    before = torch.from_numpy(passage.symbols[max(place - 400, 0) : place + 1])[None]
    with torch.inference_mode():
        logs, _ = model.next(before.to(model.device))
    best = int(logs[0].argmax())
    return passage.alphabet.shown(best), float(logs[0, best].exp())
