"""Tables about texts that were read: the most frequent edits, and examples."""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.data.labels.transcribed import Transcribed
from gatewise.metrics.details import Details
from gatewise.tasks.transcribe.metrics import edits

EDITS, TEXTS, WIDE = 8, 8, 30  # rows of the tables, and the longest text in one
GOOD = 2  # texts without a mistake among those shown


def edit_table(data: Transcribed, found: Sequence[Sequence[str]]) -> Details | None:
    """What must be edited in the found texts, as symbols, to make the true ones of them."""
    truth = [data.alphabet.split(text) for text in data.test.texts]
    rows = tuple(
        (_shown(true, "(nothing)"), _shown(read, "(left out)"), f"{count:,}")
        for (true, read), count in edits(truth, found).most_common(EDITS)
    )
    header = ("true", "read", "times")
    return Details("its most frequent mistakes on the test part", header, rows) if rows else None


def text_table(data: Transcribed, found: Sequence[Sequence[str]]) -> Details:
    """Texts of the test part, as they are and as they were read; those with mistakes first."""
    read = [data.alphabet.joined(one) for one in found]
    same = [text == true for text, true in zip(read, data.test.texts, strict=True)]
    wrong, right = ([number for number, one in enumerate(same) if one == kind] for kind in (False, True))
    chosen = [*wrong[: TEXTS - min(GOOD, len(right))], *right[:GOOD]]
    rows = tuple(
        (
            _cut(data.names[data.test.numbers[number]]), _cut(data.test.texts[number]), _cut(read[number]),
            "" if same[number] else "≠",
        )
        for number in chosen
    )  # fmt: skip
    return Details("texts of the test part, some wrong ones first", ("of", "true", "read", ""), rows)


def _shown(symbol: str | None, nothing: str) -> str:
    return nothing if symbol is None else "␣" if symbol == " " else symbol


def _cut(text: str) -> str:
    return text if len(text) <= WIDE else f"{text[: WIDE - 1]}…"
