"""The pages: their Python runs, their shapes, equations and commands are right, their links exist."""

import ast
import re
from contextlib import nullcontext
from pathlib import Path

import pytest

import gatewise
from gatewise.cells import cells, find_cell, notation
from gatewise.cells.expressions import Expression
from gatewise.cells.formula import formulas
from gatewise.cells.functions import BY_HEAD, FUNCTIONS
from tests.commands import require_command, require_python

ROOT = Path(__file__).parents[1]
GENERATED = ("_build", "api", "cells")  # folders that `make docs` writes
PAGES = sorted(
    one for one in (ROOT / "docs").rglob("*.md") if one.relative_to(ROOT / "docs").parts[0] not in GENERATED
)
WITH_COMMANDS = [
    *PAGES, ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "benchmarks").rglob("README.md"))
]  # fmt: skip
MADE_OF = (Expression, notation.Names, notation.Axes)  # the values of the notation beside its functions
SHAPE = re.compile(r"^(\S+)\.shape  # (\[[\d, ]+\])", re.MULTILINE)
EQUATIONS = re.compile(r"```\n(\w+): ([^\n]*)\n\n(.*?)```", re.DOTALL)


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def path(request):
    return request.param


@pytest.fixture
def page(path):
    return path.read_text()


def test_all_python_runs_and_every_shape_is_right(page):
    # No kernel is compiled for a page, except where a graph with dynamic time is exported, which needs one.
    with nullcontext() if "torch.export" in page else gatewise.backend("reference"):
        run_python(page)


def run_python(page):
    names, shapes = {}, 0
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        for statement in ast.parse(block).body:
            exec(source := ast.get_source_segment(block, statement), names)
            line = block.splitlines()[statement.end_lineno - 1]
            if shape := SHAPE.match(line):
                assert list(eval(source, names)) == ast.literal_eval(shape[2]), line
                shapes += 1
    assert shapes == len(SHAPE.findall(page))


def test_equations_are_those_of_the_cell(page):
    for name, about, equations in EQUATIONS.findall(page):
        cell = find_cell(name)
        assert (cell.__name__, cell.about) == (name, about)
        assert dict(re.findall(r"^    (\w+) += (.*)$", equations, re.MULTILINE)) == formulas(cell)


def test_links_lead_somewhere(path, page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page):
        assert target.startswith("https://") or (path.parent / target).is_file(), target


def test_the_page_on_lattices_has_shapes_and_equations():
    lattices = (ROOT / "docs" / "lattices.md").read_text()
    assert SHAPE.search(lattices)
    assert EQUATIONS.search(lattices)


@pytest.mark.parametrize("source", WITH_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_exists_with_its_options(source):
    text = source.read_text()
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ").splitlines()
    for line in lines:
        if line.startswith("gatewise "):
            require_command(line)


def test_python_on_data_of_ones_own_has_options_that_exist(page):
    """Blocks of `py` need data that the page does not have, and so they are not run."""
    for block in re.findall(r"```py\n(.*?)```", page, re.DOTALL):
        require_python(block)


def test_the_table_of_cells_has_every_cell():
    page = (ROOT / "docs" / "cells.md").read_text().split("## The built-in cells")[1]
    rows = re.findall(r"^\| `(\w+)` \| (\d*) \| (.+?) \| (.+?) \| .+ \|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == list(cells())
    for name, year, source, states in rows:
        cell = find_cell(name)
        bold = [f"**{one}**" if one in cell.matrix_states else one for one in cell.state]
        assert states == ", ".join(bold)
        assert f"{source} {year}".strip() in cell.source


def test_the_notation_is_complete():
    page = (ROOT / "docs" / "cells.md").read_text().split("## The notation")[1].split("## Initial")[0]
    names = {name for name, value in vars(notation).items() if isinstance(value, MADE_OF)}
    functions = {name for name in FUNCTIONS if hasattr(notation, name)} | set(BY_HEAD) - {"contract"}
    assert names | functions <= set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", page))))
