"""Lines of a file that begin with # and are no rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MARK = b"#"


@dataclass
class Comments:
    """The lines that were left out as comments so far.

    file: the name of the file of the first one, if it is one of several
    """

    lines: list[int] = field(default_factory=list)
    file: str = ""

    def add(self, lines: Sequence[int], file: str = "") -> None:
        """Adds the numbers of some lines, in order. file: as in `Comments`"""
        if lines and not self.lines:
            self.file = file
        self.lines.extend(lines)

    def describe(self) -> tuple[str, ...]:
        """A note on these lines, if there are any."""
        return describe_comments(self.lines, self.file)


def describe_comments(lines: Sequence[int], file: str = "") -> tuple[str, ...]:
    """A note on the numbers of lines that are comments, if there are any.

    file: the name of the file of the first one, if it is one of several

    >>> describe_comments([3, 7]), describe_comments([3], "b.csv")[0][-15:]
    (('left out as comments: 2 lines beginning with #, the first in line 3',), 'line 3 of b.csv')
    """
    if not lines:
        return ()
    count = f"{len(lines):,} lines" if len(lines) > 1 else "1 line"
    place = f"line {lines[0]}{' of ' * bool(file)}{file}"
    return (f"left out as comments: {count} beginning with #, the first in {place}",)


def may_be_header(line: str, second: str, third: str, separator: str) -> bool:
    """Whether the last line beginning with # has the names of the columns.

    It may if it has as many cells as the next line. After a # and a space, it is a comment all the same if
    only the third line has numbers, or if the line itself has some.

    second, third: the next two lines; separator: of the cells

    >>> may_be_header("#id,x", "a,5", "b,6", ","), may_be_header("# x,y", "1,2", "3,4", ",")
    (True, True)
    >>> may_be_header("# Rates, daily", "day,eur", "1,2", ","), may_be_header("# In 2020, 5", "1,2", "", ",")
    (False, False)
    >>> may_be_header("# Rates", "day,eur", "1,2", ","), may_be_header("#id,x", "id,x", "b,6", ",")
    (False, False)
    """
    if line.count(separator) != second.count(separator) or repeats(line.encode(), second.encode()):
        return False
    if not line.startswith("# "):
        return True
    has_numbers = [_has_numbers(one, separator) for one in (line[1:], second, third)]
    return has_numbers[1] != has_numbers[0] if has_numbers[1] else not has_numbers[2]


def repeats(line: bytes, header: bytes) -> bool:
    """Whether a line is the header of the table, behind a # or not.

    >>> repeats(b"# id,x", b"id,x"), repeats(b"#1,x", b"id,x")
    (True, False)
    """
    return line.lstrip(MARK + b" ").strip() == header.lstrip(MARK + b" ").strip()


def _has_numbers(line: str, separator: str) -> bool:
    """Whether a cell of a line begins with a digit, or with one after a sign."""
    cells = (cell.strip().strip('"').lstrip("+-") for cell in line.split(separator))
    return any(cell[:1].isdigit() for cell in cells)
