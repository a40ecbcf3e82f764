"""The diagram of a cell's step, and the directive `cell-diagram` that shows one on a page."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import gatewise
from gatewise.cells import CellType, find_cell

WIDTH = re.compile(r' width="(\d+)"')
LEAST = 0.7  # of its width: narrower, letters are too small to read, and the drawing is scrolled
PALETTE = re.compile(r"\.gw-cell\{((?:--\w+:#\w+;?\s*)+)")  # that of light, then that of dark


def diagram(cell: CellType) -> str:
    """The step of a cell as SVG inside of HTML, in the theme that a reader chose."""
    svg = gatewise.draw(cell).svg
    width = int(WIDTH.search(svg).group(1))
    palettes = zip(("light", "dark"), PALETTE.findall(svg), strict=True)
    themes = [f"body[data-theme='{theme}'] .gw-cell{{{colours}}}" for theme, colours in palettes]
    opening = f"<div class='diagram' style='--least: {LEAST * width:.0f}px'>"
    lines = ["<style>", *themes, "</style>", *svg.splitlines()]
    # An empty line would end the block.
    return "\n".join(["```{raw} html", opening, *filter(str.strip, lines), "</div>", "```"])


class CellDiagram(SphinxDirective):
    """The drawing of the step of a cell, by its name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return list(self.parse_text_to_nodes(diagram(find_cell(self.arguments[0]))))


def setup(app: Sphinx) -> None:
    """Registers the directive."""
    app.add_directive("cell-diagram", CellDiagram)
