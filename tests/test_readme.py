"""The README's Python runs as it stands there."""

import re
from pathlib import Path

import torch

README = (Path(__file__).parents[1] / "README.md").read_text()


def python_after(heading):
    return re.search(rf"## {heading}\n```python\n(.*?)```", README, re.DOTALL).group(1)


def test_the_ten_lines_of_python():
    names = {}
    exec(python_after("In Python"), names)
    assert names["forget"].shape == (100, 3, 32)
    assert names["deep"](names["x"])[0].shape == (100, 3, 32)


def test_a_cell_of_ones_own():
    names = {}
    exec(python_after("A cell of your own"), names)
    import gatewise

    assert gatewise.Recurrent(names["Mine"], 5, 32)(torch.randn(4, 2, 5))[0].shape == (4, 2, 32)


def test_an_lstm_over_images_and_one_along_depth():
    names = {}
    exec(python_after("Lattices"), names)
    assert names["output"].shape == (4, 28, 20, 32)
    assert names["top"].shape == (4, 100, 32)


def test_a_kernel_looked_at_and_a_graph_exported(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README[README.index("## Engines") :], re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)
    assert "Stage0" in capsys.readouterr().out
    assert names["output"].shape == (100, 2, 32)


def test_the_lstm_on_the_first_page_is_the_one_in_the_library():
    shown = re.search(r"```python\n(class LSTM.*?)```", README, re.DOTALL).group(1)
    source = (Path(__file__).parents[1] / "src/gatewise/cells/lstm.py").read_text()
    for line in shown.splitlines():
        assert line in source
