"""Diagrams of cells inside of pages, in the theme that a reader chose, with a link to the whole file.

This holds for images of Markdown, of the directive `cell-diagram` and of notebooks.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from gatewise.cells import find_cell
from gatewise.diagrams.document import STYLE

OPENING = re.compile(r"<svg [^>]*class=\"gw-cell\"")
PALETTE = re.compile(r"\.gw-cell\{((?:--\w+:#\w+;?\s*)+)")  # that of light, then that of dark


class CellDiagram(SphinxDirective):
    """The drawing of the step of a cell, by its name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = find_cell(self.arguments[0]).__name__
        return list(self.parse_text_to_nodes(f"![One step of {name}](/cells/{name}.svg)"))


def _visit(translator: HTML5Translator, node: nodes.image) -> None:
    """Writes an image: the text of a diagram, or what Sphinx writes for any other."""
    builder, uri = translator.builder, node["uri"]
    path = Path(builder.srcdir, uri)
    text = path.read_text() if path.suffix == ".svg" and path.is_file() else ""
    if not OPENING.match(text):
        HTML5Translator.visit_image(translator, node)
        return
    link = posixpath.join(builder.imgpath, builder.images[uri])
    translator.body.append(f'<a class="diagram" href="{link}" title="The drawing alone">{text}</a>')


def _depart(translator: HTML5Translator, node: nodes.image) -> None:
    HTML5Translator.depart_image(translator, node)


def _style(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Gives diagrams the colours of the page, where a reader chose them; else they follow the system."""
    palettes = zip(("light", "dark"), PALETTE.findall(STYLE), strict=True)
    themes = (f"body[data-theme='{theme}'] .gw-cell{{{colours}}}" for theme, colours in palettes)
    context["metatags"] = f"{context.get('metatags', '')}<style>{''.join(themes)}</style>"


def setup(app: Sphinx) -> None:
    """Registers the directive, images and colours."""
    app.add_directive("cell-diagram", CellDiagram)
    app.add_node(nodes.image, override=True, html=(_visit, _depart))
    app.connect("html-page-context", _style)
