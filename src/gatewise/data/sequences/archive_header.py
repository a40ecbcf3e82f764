"""Sequences of an archive as text, and what the header of the archive declares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gatewise.errors import GatewiseError

NO_DATA = "has no @data line, which {} file needs"
MAX_DIGITS = 9  # of a number in a header
Labels = Literal["classes", "numbers"]  # what each sequence must have


@dataclass(frozen=True)
class Case:
    """A sequence as text: the numbers of each channel, and its label or its target, if any.

    timed: whether each number is written with its time, `(0,1.5),(2,1.7)`
    implied: whether the label is not written, so that it is the first class
    """

    line: int
    channels: list[str]
    label: str | None
    timed: bool = False
    implied: bool = False


@dataclass
class ArchiveHeader:
    """What a header declares, None where it declares nothing; `equal`: all sequences have the same length."""

    path: Path
    channels: int | None = None
    steps: int | None = None
    equal: bool | None = None

    def check(self, case: Case) -> None:
        """Raises: `GatewiseError` with the line of a sequence that contradicts the header."""
        steps = case.channels[0].count("(") if case.timed else case.channels[0].count(",") + 1
        found = {"channels": len(case.channels), "steps": steps}
        declared = {"channels": self.channels, "steps": None if self.equal is False else self.steps}
        for name, count in found.items():
            if declared[name] not in (None, count):
                raise GatewiseError(
                    f"{self.path}, line {case.line}: the header declares {declared[name]} {name} for each "
                    f"sequence, got {count}"
                )
        self.steps = found["steps"] if self.equal else self.steps

    def read(self, line: int, tag: str, words: list[str]) -> None:
        """Reads a line of a `.ts` header. Raises: `GatewiseError` if it lacks a number."""
        first = words[0].lower() if words else ""
        if tag in ("@dimensions", "@dimension", "@serieslength"):
            if not first.isdecimal() or len(first) > MAX_DIGITS:
                raise GatewiseError(
                    f"{self.path}, line {line}: expected a number after {tag}, got {first[:20]!r}"
                )
            name = "steps" if tag == "@serieslength" else "channels"
            setattr(self, name, int(first))
        elif tag == "@univariate" and first == "true":
            self.channels = 1
        elif tag == "@equallength":
            self.equal = first == "true"


def header_line(path: Path, line: int, text: str, kind: str) -> list[str]:
    """The words of a line of the header, the first in lower case."""
    if not text.startswith("@"):
        raise GatewiseError(f"{path} {NO_DATA.format(kind)}, above line {line}, which does not begin with @")
    tag, *words = text.split()
    return [tag.lower(), *words]


def check_label(path: Path, line: int, label: str | None, classes: list[str] | None) -> None:
    """Raises: `GatewiseError` if a label is not among the classes of the header."""
    if classes and label not in (None, "", "?", *classes):
        raise GatewiseError(
            f"{path}, line {line}: expected one of the labels {', '.join(classes)}, got {str(label)[:30]!r}"
        )
