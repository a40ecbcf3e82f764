"""Signals of a text, one number for each character, to correlate units with."""

from __future__ import annotations

import numpy as np

OPENING, CLOSING = "([{", ")]}"
QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“"}


def text_signals(text: str) -> dict[str, np.ndarray]:
    """The signals that occur in a text, [characters] each, after Karpathy, Johnson and Li (2015).

    The position in the line counts characters since the last line break. A quotation includes its opening
    mark and ends with its paragraph at the latest. The depth of brackets counts unmatched ones too.

    >>> found = text_signals('a "b c" (d\\n)')
    >>> list(found)
    ['position in the line', 'inside quotation marks', 'depth of brackets', 'spaces']
    >>> found["inside quotation marks"].astype(int).tolist()
    [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    """
    characters = np.array(list(text))
    found = {
        "position in the line": line_positions(text) if "\n" in text else np.zeros(len(text)),
        "inside quotation marks": inside_quotes(text),
        "depth of brackets": np.cumsum(np.isin(characters, list(OPENING)) * 1.0)
        - np.cumsum(np.isin(characters, list(CLOSING))),
        "capital letters": np.array([one.isupper() for one in text], float),
        "digits": np.array([one.isdigit() for one in text], float),
        "spaces": np.array([one == " " for one in text], float),
    }
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def line_positions(text: str) -> np.ndarray:
    """[characters]: the number of characters before each in its line.

    >>> line_positions("ab\\nc").tolist()
    [0.0, 1.0, 2.0, 0.0]
    """
    at = np.arange(len(text), dtype=float)
    starts = np.array([index > 0 and text[index - 1] == "\n" for index in range(len(text))], dtype=bool)
    return at - np.maximum.accumulate(np.where(starts, at, 0.0))


def inside_quotes(text: str) -> np.ndarray:
    """[characters]: 1 from a quotation mark up to the mark that closes it, or up to an empty line."""
    inside = np.zeros(len(text))
    closing = ""
    for index, character in enumerate(text):
        if closing and (character == closing or text[index : index + 2] == "\n\n"):
            closing = ""
        elif not closing:
            closing = QUOTES.get(character, "")
        inside[index] = bool(closing)
    return inside
