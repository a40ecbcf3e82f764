"""The README's Python runs, its commands exist, and each has a twin in Python."""

import re
from pathlib import Path

import pytest
import torch

import gatewise
from tests.commands import require_command, require_python

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
TWINS = re.findall(r"^\| `(gatewise [^`]+)` \| (`gw\.[^`]+`)", README, re.MULTILINE)
SMALLER = {"horizon=12": "horizon=12, hidden=4, epochs=1", 'cell="gru"': 'cell="gru", hidden=4, epochs=1'}


def python_after(heading):
    return re.search(rf"## {heading}\n```python\n(.*?)```", README, re.DOTALL).group(1)


def test_the_quickstart(tmp_path, monkeypatch):
    """As printed, but with networks of four units, one epoch and one seed."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in BLOCKS[:3]:
        for usual, smaller in SMALLER.items():
            block = block.replace(usual, smaller)
        exec(block.replace("cells=", "seeds=1, cells="), names)
    assert type(names["forecast"]) is type(names["sea"])
    assert names["same"].equals(names["forecast"])
    assert names["figure"].axes
    assert {"rnn", "lstm", "gru", "peephole"} < set(names["comparison"].table["model"])
    assert names["scores"].shape == (3,)


def test_the_quickstart_writes_its_example_once():
    """A second time would end in an error: the folder exists."""
    quickstart = README.partition("## Quickstart\n")[2].partition("\n## ")[0]
    assert (
        len(re.findall(r"gatewise (?:example \w+|\w+ --example)", quickstart.replace("example TASK", "")))
        == 1
    )


def test_layers():
    names = {}
    exec(python_after("Layers"), names)
    assert names["forget"].shape == (100, 3, 32)
    assert names["deep"](names["x"])[0].shape == (100, 3, 32)


def test_a_cell_of_ones_own():
    names = {}
    exec(next(one for one in BLOCKS if one.startswith("# mine.py")), names)
    with gatewise.backend("reference"):
        assert gatewise.Recurrent(names["Mine"], 5, 32)(torch.randn(4, 2, 5))[0].shape == (4, 2, 32)


def test_an_lstm_over_images_and_one_along_depth():
    names = {}
    with gatewise.backend("reference"):
        exec(python_after("Lattices"), names)
    assert names["output"].shape == (4, 28, 20, 32)
    assert names["top"].shape == (4, 100, 32)


def test_the_lstm_on_the_first_page_is_the_one_in_the_library():
    shown = re.search(r"```python\n(class LSTM.*?)```", README, re.DOTALL).group(1)
    source = (Path(__file__).parents[1] / "src/gatewise/cells/lstm.py").read_text()
    for line in shown.splitlines():
        assert line in source


@pytest.mark.parametrize(("command", "twin"), TWINS, ids=lambda text: text.strip("`"))
def test_a_command_and_its_twin_exist(command, twin):
    """Every name and option of the Python in the table exists, and so do those of the command."""
    require_command(command)
    require_python(twin.strip("`"))


def test_the_table_of_twins_is_there():
    assert len(TWINS) > 12
