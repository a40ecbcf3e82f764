"""Sphinx extension: the pages and tables that follow from gatewise itself."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from generators import api, cells, completeness, docstrings, figures, links, options, results, signatures


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers all generators with Sphinx."""
    for part in (api, cells, completeness, docstrings, figures, links, options, results, signatures):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
