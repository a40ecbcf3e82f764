"""Tables of transcribed texts: the most frequent edits, and examples."""

from __future__ import annotations

from gatewise.data.labels.transcribed import Transcribed
from gatewise.metrics.details import Details
from gatewise.tasks.transcribe.metrics import Transcripts, edits

EDITS, TEXTS, WIDE = 8, 8, 30  # rows of the tables, and the longest text in one
GOOD = 2  # texts without a mistake among those shown


def edit_table(predictions: Transcripts) -> Details | None:
    """A table of the most frequent edits between true and predicted symbols."""
    rows = tuple(
        (_shown(true, "(nothing)"), _shown(read, "(left out)"), f"{count:,}")
        for (true, read), count in edits(predictions.truth, predictions.values).most_common(EDITS)
    )
    header = ("true", "predicted", "count")
    return Details("the most frequent errors on the test set", header, rows) if rows else None


def text_table(predictions: Transcripts, data: Transcribed) -> Details:
    """A table of true and predicted texts of the test set, those with errors first."""
    split = predictions.split
    read = [data.alphabet.joined(one) for one in predictions.values]
    same = [text == true for text, true in zip(read, split.texts, strict=True)]
    wrong, right = ([number for number, one in enumerate(same) if one == kind] for kind in (False, True))
    chosen = [*wrong[: TEXTS - min(GOOD, len(right))], *right[:GOOD]]
    rows = tuple(
        (
            _cut(data.names[split.numbers[number]]), _cut(split.texts[number]), _cut(read[number]),
            "" if same[number] else "≠",
        )
        for number in chosen
    )  # fmt: skip
    return Details("texts of the test set, some wrong ones first", ("of", "true", "predicted", ""), rows)


def _shown(symbol: str | None, nothing: str) -> str:
    return nothing if symbol is None else "␣" if symbol == " " else symbol


def _cut(text: str) -> str:
    return text if len(text) <= WIDE else f"{text[: WIDE - 1]}…"
