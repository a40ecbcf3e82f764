"""The lines of `.arff` archives (Weka): flat, relational and sparse ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gatewise.data.sequences.archive_header import (
    NO_DATA,
    ArchiveHeader,
    Case,
    Labels,
    check_label,
    header_line,
)
from gatewise.errors import GatewiseError

NUMERIC = ("numeric", "real", "integer")
ENTRY = re.compile(r"""\s*(\d{1,9})\s+('[^']*'|"[^"]*"|[^,]+?)\s*(?:,|$)""")


def arff_cases(path: Path, lines: Iterator[str], wanted: Labels | None) -> Iterator[Case]:
    """Yields the sequences of an `.arff` file. wanted: what each must have; None for nothing

    Raises: `GatewiseError` with the line where the format is violated.
    """
    if wanted == "numbers":
        raise GatewiseError(
            f"{path}: an .arff file does not mark its numeric target; save it as .ts with @targetLabel "
            "true, or as CSV"
        )
    classes: list[str] | None = None
    begun, header, kinds = False, ArchiveHeader(path), list[str]()
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("%"):
            continue
        if begun:
            is_sparse = text.startswith("{")
            case = _sparse(path, line, text, kinds, classes) if is_sparse else _dense(line, text, classes)
            check_label(path, line, case.label, classes)
            yield case
            header.check(case)
            continue
        tag, *_ = header_line(path, line, text, "an .arff")
        nominal = re.fullmatch(r"@attribute\s.*\{(.*)\}", text, re.IGNORECASE)
        if nominal:
            classes = [_unquoted(name) for name in re.findall(r"""\s*('[^']*'|"[^"]*"|[^,]+)""", nominal[1])]
        elif tag == "@attribute" and text.lower().split()[-1] in NUMERIC:
            header.steps = (header.steps or 0) + 1
        if tag == "@attribute":
            kinds.append("class" if nominal else text.lower().split()[-1])
        begun = tag == "@data"
    if not begun:
        raise GatewiseError(f"{path} {NO_DATA.format('an .arff')}")


def _dense(line: int, text: str, classes: Sequence[str] | None) -> Case:
    """A row with a value for each attribute; a relational one has a text with the channels, one a line."""
    values, label = (text, None) if classes is None else _split_label(text)
    relation = re.fullmatch(r"""(['"])(.*)\1""", values)
    return Case(line, relation[2].split("\\n") if relation else [values], label)


def _sparse(path: Path, line: int, text: str, kinds: Sequence[str], classes: Sequence[str] | None) -> Case:
    """A row of the attributes that are not 0, `{0 1.5, 3 2}`; a class that is not written is the first one.

    Raises: `GatewiseError` if the row is written otherwise, or has no such attribute.
    """
    place, inner = f"{path}, line {line}", text[1:].rstrip().removesuffix("}")
    if "relational" in kinds:
        raise GatewiseError(f"{place}: a sparse row in braces can't be one of a relational attribute")
    if not text.endswith("}") or ENTRY.sub("", inner).strip():
        raise GatewiseError(f"{place}: expected attributes by number with their values, as in {{0 1.5, 3 2}}")
    given = {int(number): value for number, value in ENTRY.findall(inner)}
    unknown = next((number for number in given if number >= len(kinds)), None)
    if unknown is not None:
        raise GatewiseError(f"{place}: there is no attribute {unknown}; the last one is {len(kinds) - 1}")
    values = [given.get(number, "0") for number, kind in enumerate(kinds) if kind != "class"]
    if not classes:
        return Case(line, [",".join(values)], None)
    label = given.get(kinds.index("class"))
    own = classes[0] if label is None else _unquoted(label)
    return Case(line, [",".join(values)], own, implied=label is None)


def _split_label(text: str) -> tuple[str, str]:
    """The text before the last comma outside quotation marks, and the label after it."""
    found = re.fullmatch(r"""(.*),\s*('[^']*'|"[^"]*"|[^,'"]*)""", text)
    return (found[1].strip(), _unquoted(found[2])) if found else (text, "")


def _unquoted(name: str) -> str:
    return name.strip().strip("'\"")
