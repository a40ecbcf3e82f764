"""The header of a `.tsf` file: the attributes of its series, their frequency and the horizon to forecast."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from gatewise.data.sequences.archive_header import header_line
from gatewise.data.series.step import MONTHS, UNITS, Step
from gatewise.errors import GatewiseError

TYPES = ("string", "numeric", "date")
NAMED = {
    "secondly": "1_second",
    "minutely": "1_minute",
    "half_hourly": "30_minutes",
    "hourly": "1_hour",
    "daily": "1_day",
    "weekly": "1_week",
    "monthly": "1_month",
    "quarterly": "1_quarter",
    "yearly": "1_year",
}
FREQUENCY = re.compile(rf"(\d{{1,6}})_({'|'.join((*UNITS, *MONTHS))})s?")
TAGS = ("@relation", "@attribute", "@frequency", "@horizon", "@missing", "@equallength", "@data")
START = "start_timestamp"


@dataclass
class TsfHeader:
    """What a header declares; None where it declares nothing.

    attributes: the type of each attribute by its name, in the order in which a series has them
    missing: whether values are missing; equal: whether all series have the same length
    """

    path: Path
    attributes: dict[str, str] = field(default_factory=dict)
    frequency: str | None = None
    horizon: int | None = None
    missing: bool | None = None
    equal: bool | None = None

    def read(self, line: int, text: str) -> bool:
        """Reads a line. Returns whether it is the last one, `@data`.

        Raises: `GatewiseError` with the line if it is not one of a header.
        """
        tag, *words = header_line(self.path, line, text, "a .tsf")
        if tag not in TAGS:
            raise self.error(line, f"one of {', '.join(TAGS)}", tag)
        if tag == "@attribute":
            self._read_attribute(line, words)
        elif tag == "@frequency":
            self.frequency = " ".join(words).lower()
            self._find_step(line)
        elif tag == "@horizon":
            if len(words) != 1 or not re.fullmatch("0*[1-9]\\d{0,5}", words[0]):
                raise self.error(line, "a number of steps after @horizon", " ".join(words))
            self.horizon = int(words[0])
        elif tag in ("@missing", "@equallength"):
            if len(words) != 1 or words[0].lower() not in ("true", "false"):
                raise self.error(line, f"true or false after {tag}", " ".join(words))
            setattr(self, "missing" if tag == "@missing" else "equal", words[0].lower() == "true")
        return tag == "@data"

    def error(self, line: int, expected: str, got: str) -> GatewiseError:
        """An error on a line that is not as expected."""
        return GatewiseError(f"{self.path}, line {line}: expected {expected}, got {got[:40]!r}")

    @property
    def step(self) -> Step | None:
        """The step of the frequency."""
        return None if self.frequency is None else self._find_step()

    @property
    def start(self) -> str | None:
        """The attribute with the time of the first value of a series."""
        dates = [name for name, kind in self.attributes.items() if kind == "date"]
        return START if START in dates else next(iter(dates), None)

    def _read_attribute(self, line: int, words: list[str]) -> None:
        """Reads the name and the type of an attribute."""
        if len(words) != 2 or words[1].lower() not in TYPES:
            expected = f"a name and a type ({', '.join(TYPES)}) after @attribute"
            raise self.error(line, expected, " ".join(words))
        if words[0] in self.attributes:
            raise self.error(line, "an attribute with another name than those before", words[0])
        self.attributes[words[0]] = words[1].lower()

    def _find_step(self, line: int = 0) -> Step:
        """The step of the frequency. Raises: `GatewiseError` if there is no such frequency."""
        given = str(self.frequency)
        found = FREQUENCY.fullmatch(NAMED.get(given, given))
        if found is None or not int(found[1]):
            raise self.error(line, f"a frequency such as {', '.join(NAMED)} or 10_minutes", given)
        return Step.named(f"{int(found[1])} {found[2]}")
