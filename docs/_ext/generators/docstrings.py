"""Docstrings as reStructuredText: arguments and one-line sections become fields, equations are literal."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from gatewise.tasks import estimator_names

ARGUMENTS = re.compile(r"(\w+(?:, \w+)*): (.*)")
NEXT_ARGUMENT = re.compile(r"; (?=\w+(?:, \w+)*: )")
SOURCE = "Source: "
RAISES = re.compile(r"Raises: `(\w+)`,? ?(.*)")
RETURNS = re.compile(r"Returns?: (.*)")
OPENINGS = (":", "..", "-", ">>>")
INDENT = "    "


def _rewrite(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    if name.removeprefix("gatewise.") in estimator_names():
        lines[:] = [line.replace("*", r"\*") for line in lines]
    lines[:] = literal_equations(fields(lines, _parameters(thing)))


def _parameters(thing: Any) -> Collection[str]:
    try:
        return inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return ()


def fields(lines: list[str], parameters: Collection[str] = ()) -> list[str]:
    """Lines `name: ...` of parameters, `Raises: ...` and `Returns: ...` as fields.

    >>> fields(["size: of it", "    in units", "Raises: `GatewiseError` if it fails."], ["size"])
    ['', ':param size: of it', '    in units', ':raises GatewiseError: if it fails.', '']
    """
    found: list[str] = []
    inside = False  # a field, which the lines below it continue up to an empty one
    for line in lines:
        opened = _opened(line, parameters)
        if opened:
            found += opened if inside else ["", *opened]
        elif inside and line.startswith(SOURCE):
            found += ["", line]
        elif inside and line.strip():
            found.append(INDENT + line.strip())
        else:
            found.append(line)
        inside = bool(opened) or (inside and bool(line.strip()) and not line.startswith(SOURCE))
    return [*found, ""] if inside else found


def _opened(line: str, parameters: Collection[str]) -> list[str]:
    """The fields that begin with a line; names with one description have it each."""
    if raises := RAISES.match(line):
        return [f":raises {raises[1]}: {raises[2]}"]
    if returns := RETURNS.match(line):
        return [f":returns: {returns[1]}"]
    found = []
    for part in NEXT_ARGUMENT.split(line):
        described = ARGUMENTS.match(part)
        if described is None or not set(described[1].split(", ")) <= set(parameters):
            return []
        found += [f":param {name}: {described[2]}" for name in described[1].split(", ")]
    return found


def literal_equations(lines: list[str]) -> list[str]:
    """Marks an indented paragraph below an empty line, below text at the margin, as literal.

    >>> literal_equations(["An RNN.", "", "    h = tanh(W x + R h)", "", "End."])
    ['An RNN.', '', '::', '', '    h = tanh(W x + R h)', '', 'End.']
    """
    found: list[str] = []
    above = ""  # the last line that is not empty
    for number, line in enumerate(lines):
        starts = line.startswith(INDENT) and number > 0 and not lines[number - 1].strip()
        if starts and above and not above.startswith((" ", *OPENINGS)) and not above.endswith("::"):
            found += ["::", ""]
        found.append(line)
        above = line if line.strip() else above
    return found


def _dashes(app: Sphinx, page: nodes.document) -> None:
    """Sphinx writes two hyphens between a parameter and its description."""
    for text in list(page.findall(nodes.Text)):
        if str(text) == " -- ":
            text.parent.replace(text, nodes.Text(": "))


def setup(app: Sphinx) -> None:
    """Registers the rewriting, before that of the sections by napoleon."""
    app.connect("doctree-read", _dashes)
    app.connect("autodoc-process-docstring", _rewrite, priority=400)
