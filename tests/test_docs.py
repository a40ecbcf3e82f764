"""The pages of docs/: their Python runs, their shapes and equations are true, their links lead somewhere."""

import ast
import re
from pathlib import Path

import pytest

from gatewise.cells import find_cell
from gatewise.cells.formula import formulas

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
SHAPE = re.compile(r"^(\S+)\.shape  # (\[[\d, ]+\])", re.MULTILINE)
EQUATIONS = re.compile(r"```\n(\w+): ([^\n]*)\n\n(.*?)```", re.DOTALL)


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param.read_text()


def test_all_python_runs_and_every_shape_is_the_one_told(page):
    names, shapes = {}, 0
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        for statement in ast.parse(block).body:
            exec(source := ast.get_source_segment(block, statement), names)
            line = block.splitlines()[statement.end_lineno - 1]
            if told := SHAPE.match(line):
                assert list(eval(source, names)) == ast.literal_eval(told[2]), line
                shapes += 1
    assert shapes == len(SHAPE.findall(page))


def test_equations_are_those_of_the_cell(page):
    for name, about, equations in EQUATIONS.findall(page):
        cell = find_cell(name)
        assert (cell.__name__, cell.about) == (name, about)
        assert dict(re.findall(r"^    (\w+) += (.*)$", equations, re.MULTILINE)) == formulas(cell)


def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert target.startswith("https://") or (ROOT / "docs" / target).is_file(), target


def test_the_page_on_lattices_has_shapes_and_equations():
    lattices = (ROOT / "docs" / "lattices.md").read_text()
    assert SHAPE.search(lattices)
    assert EQUATIONS.search(lattices)
