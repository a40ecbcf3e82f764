"""The limits of names, numbers and sizes in equations, from Python or a file."""

from __future__ import annotations

import keyword
import math
import re
import reprlib

from gatewise.errors import GatewiseError

LONGEST_NAME = 64
MOST_AXES = 16  # of a lattice
MOST_LINES = 256
MOST_PARTS = 4096  # of all lines: values, functions, products
MOST_DEPTH = 100  # of one line, which functions visit recursively
LONGEST_TEXT = 1000  # of a description

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CPP_KEYWORDS = frozenset((
    "alignas", "alignof", "and", "and_eq", "asm", "atomic_cancel", "atomic_commit", "atomic_noexcept",
    "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char", "char16_t", "char32_t", "char8_t",
    "class", "co_await", "co_return", "co_yield", "compl", "concept", "const", "const_cast", "consteval",
    "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast",
    "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if",
    "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
    "operator", "or", "or_eq", "private", "protected", "public", "reflexpr", "register", "reinterpret_cast",
    "requires", "restrict", "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast",
    "struct", "switch", "synchronized", "template", "this", "thread_local", "throw", "true", "try",
    "typedef", "typeid", "typename", "typeof", "union", "unsigned", "using", "virtual", "void", "volatile",
    "wchar_t", "while", "xor", "xor_eq",
))  # fmt: skip


def check_name(what: str, name: object) -> str:
    """Checks a name: a short ASCII identifier that is not a keyword of Python or C++.

    what: a description of the named thing, for the message

    >>> check_name("a line", "f_1")
    'f_1'

    Raises: `GatewiseError` if it is anything else.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise GatewiseError(
            f"expected {what}'s name as a plain word such as 'Q_1' of at most {LONGEST_NAME} ASCII letters, "
            f"digits and _, a letter first; got {reprlib.repr(name)}"
        )
    if keyword.iskeyword(name) or name in CPP_KEYWORDS:
        raise GatewiseError(
            f"{what} is named {name!r}, which is a keyword of Python or C++; give it another name"
        )
    return name


def check_cell_name(name: str) -> str:
    """The name of a cell's class, which may begin with underscores. Raises: `GatewiseError`."""
    check_name("a cell", name.lstrip("_") if isinstance(name, str) else name)
    return name


def check_number(value: object) -> float:
    """A finite number as a float. Raises: `GatewiseError` if it is anything else, a bool included.

    >>> check_number(2)
    2.0
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise GatewiseError(f"expected a finite number in an equation, got {reprlib.repr(value)}")


def check_axis(axis: object) -> int:
    """An axis of a lattice, or 0 for the step before. Raises: `GatewiseError` if it is anything else."""
    if not isinstance(axis, int) or isinstance(axis, bool) or not 0 <= axis <= MOST_AXES:
        raise GatewiseError(
            f"expected an axis of a lattice as 1, 2, ... to {MOST_AXES}, got {reprlib.repr(axis)}"
        )
    return axis
