"""Notebooks: cells are shown as typeset equations, and figures as images."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def shell() -> Any:
    """IPython's shell of a notebook or a console; None outside of IPython."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def is_notebook() -> bool:
    """Whether this runs in a notebook, where outputs can be replaced."""
    return shell() is not None and hasattr(shell(), "kernel")


def register() -> None:
    """Registers the display of cells and figures with IPython, if it runs."""
    if shell() is not None:
        formatters = shell().display_formatter.formatters
        formatters["text/latex"].for_type_by_name("gatewise.cells.base", "CellType", _latex)
        formatters["text/html"].for_type_by_name("gatewise.cells.base", "CellType", _html)
        formatters["image/png"].for_type_by_name("matplotlib.figure", "Figure", _picture)


def _latex(cell: Any) -> str | None:
    from gatewise.cells.latex import latex

    return latex(cell) if hasattr(cell, "lines") else None


def _html(cell: Any) -> str | None:
    """MathML, which browsers typeset without a library."""
    from gatewise.report.mathml import equations

    if not hasattr(cell, "lines"):
        return None
    lines = "".join(f"<div>{one.letters}</div>" for one in equations(cell))
    return f"<div style='line-height: 1.8'><style>mi.bold {{ font-weight: bold }}</style>{lines}</div>"


def _picture(figure: Figure) -> bytes:
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
