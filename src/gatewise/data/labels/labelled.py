"""Steps with their labels, split and ready: what all forms of them have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gatewise.data.labels.spans import marks_spans
from gatewise.errors import GatewiseError

SHOWN = 12  # labels that a message lists
PREDICTED, CHANCE = "predicted", "probability"  # the columns of a prediction


@dataclass(frozen=True)
class LabelledSteps:
    """Data sets of labelled steps, `TokenSteps` or `ChannelSteps`.

    form: how they were read, plain data; labels: the names, by number
    train: None where a model is only scored; notes: how the data were split, a sentence each
    source: tells these data from others
    """

    form: Any
    labels: tuple[str, ...]
    train: Any
    validation: Any
    test: Any
    notes: tuple[str, ...]
    source: str = ""

    @cached_property
    def marked(self) -> bool:
        """Whether labels tell where spans begin and end, as in BIO."""
        return marks_spans(self.labels)

    def truth(self, part: Any) -> list[np.ndarray]:
        """The labels of each piece of a part, by number."""
        return [part.labels[part.places(number)] for number in range(len(part))]

    def named(self, pieces: Iterable[np.ndarray]) -> list[list[str]]:
        """Labels by name."""
        return [[self.labels[one] for one in piece.tolist()] for piece in pieces]


def learn_labels(path: str, given: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All labels of all sources, in order. Raises: `GatewiseError` if there is one only."""
    names = tuple(sorted({label for labels in given for label in labels}))
    if len(names) < 2:
        raise GatewiseError(
            f"{path} has one label only, {names[0]!r}; two or more can be told apart; "
            "--label names their column"
        )
    return names


def shown_labels(names: Sequence[str]) -> str:
    """Labels, as a message lists them."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def unknown_label(place: str, label: str, names: Sequence[str]) -> GatewiseError:
    """What is said of a label that a model was not trained on."""
    return GatewiseError(
        f"{place}: the label {label!r} is none of those trained on, which are {shown_labels(names)}"
    )
