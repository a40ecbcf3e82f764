"""The notebooks: `make docs` executes them in Jupyter, the thorough tests without it."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.glob("*.md") if path.name != "index.md")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def code(request):
    """The cells of a notebook."""
    return re.findall(r"```\{code-cell\} ipython3\n(.*?)```", request.param.read_text(), re.DOTALL)


def test_its_code_is_python(code):
    assert len(code) >= 5
    for cell in code:
        ast.parse(cell)


def test_all_notebooks_are_listed():
    page = (FOLDER / "index.md").read_text()
    assert re.findall(r"\]\(([\w-]+)\.md\)", page) == page.split(":hidden:")[1].split("```")[0].split()
    assert sorted(re.findall(r"\]\(([\w-]+)\.md\)", page)) == [path.stem for path in NOTEBOOKS]


@pytest.mark.thorough
def test_a_notebook_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {}
    for cell in code:
        exec(cell, names)
