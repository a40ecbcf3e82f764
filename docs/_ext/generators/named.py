"""The names of modules of gatewise that the pages import or mention, which belong into the reference too."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

IMPORT = re.compile(r"^from (gatewise\.[\w.]+) import ([\w, ]+)", re.MULTILINE)
MENTION = re.compile(r"gatewise(?:\.[a-z]\w*){2,}\.\w+")
ROOT = Path(__file__).parents[3]


def named_in_pages() -> list[str]:
    """Functions and classes, by their full names, in alphabetical order."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "tasks").glob("*.md")]
    found = set()
    for page in pages:
        text = page.read_text()
        found |= {
            f"{module}.{name.strip()}" for module, names in IMPORT.findall(text) for name in names.split(",")
        }
        found |= set(MENTION.findall(text))
    return sorted(name for name in found if _is_documentable(name))


def _is_documentable(name: str) -> bool:
    """Whether a name is a function or a class of a module that loads without other libraries."""
    module, _, last = name.rpartition(".")
    try:
        if find_spec(module) is None:
            return False
        value = getattr(import_module(module), last, None)
    except ImportError:
        return False
    return callable(value) and module != "gatewise.cells"
