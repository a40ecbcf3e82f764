"""What a text does at each of its characters, as numbers that units may follow."""

from __future__ import annotations

import numpy as np

OPENING, CLOSING = "([{", ")]}"
QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“"}


def text_signals(text: str) -> dict[str, np.ndarray]:
    """[characters] each, of what there is in the text: what Karpathy, Johnson and Li (2015) found units for.

    The place in the line counts characters since the last line break. A quotation ends with its paragraph
    at the latest, and holds its first mark. Brackets are counted as they stand, in pairs or not.

    >>> found = text_signals('a "b c" (d\\n)')
    >>> list(found)
    ['place in the line', 'inside quotation marks', 'depth of brackets', 'spaces']
    >>> found["inside quotation marks"].astype(int).tolist()
    [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    """
    characters = np.array(list(text))
    found = {
        "place in the line": places(text) if "\n" in text else np.zeros(len(text)),
        "inside quotation marks": quoted(text),
        "depth of brackets": np.cumsum(np.isin(characters, list(OPENING)) * 1.0)
        - np.cumsum(np.isin(characters, list(CLOSING))),
        "capital letters": np.array([one.isupper() for one in text], float),
        "digits": np.array([one.isdigit() for one in text], float),
        "spaces": np.array([one == " " for one in text], float),
    }
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def places(text: str) -> np.ndarray:
    """[characters]: how many stand before each in its line.

    >>> places("ab\\nc").tolist()
    [0.0, 1.0, 2.0, 0.0]
    """
    at = np.arange(len(text), dtype=float)
    begins = np.array([place > 0 and text[place - 1] == "\n" for place in range(len(text))], dtype=bool)
    return at - np.maximum.accumulate(np.where(begins, at, 0.0))


def quoted(text: str) -> np.ndarray:
    """[characters]: 1 from a quotation mark on up to the one that closes it, or to an empty line."""
    inside = np.zeros(len(text))
    closing = ""
    for place, character in enumerate(text):
        if closing and (character == closing or text[place : place + 2] == "\n\n"):
            closing = ""
        elif not closing:
            closing = QUOTES.get(character, "")
        inside[place] = bool(closing)
    return inside
