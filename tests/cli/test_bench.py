"""`gatewise bench`, as a user runs it."""

import pytest

from gatewise.benchmark.results import read

SMALL = ["--cells", "RNN", "--shapes", "2x3x4x5", "--against", "torch.nn", "--repeats", 1, "--threads", 1]
SMALL += ["--workloads", "all-steps,one-step"]


@pytest.mark.parametrize(
    "settings", [["default"], pytest.param(["default", "keep"], marks=pytest.mark.thorough)], ids=len
)
def test_from_end_to_end(gatewise, tmp_path, settings):
    malloc = "both" if len(settings) > 1 else settings[0]
    output = gatewise("bench", *SMALL, "--malloc", malloc, "--out", "out")
    assert output.returncode == 0, output.stderr
    assert "speedup of gatewise over" in output.stdout
    assert "one step of one row" in output.stdout
    (folder,) = (tmp_path / "out").iterdir()  # of this processor
    assert {one.name for one in folder.iterdir()} == {
        "speed.csv", "machine.json", "roofline.png"
    }  # fmt: skip
    rows = read(folder / "speed.csv")
    assert {row.malloc for row in rows} == set(settings)
    assert {row.library for row in rows} >= {"gatewise", "torch.nn"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cells", "lstn"], "there is no cell 'lstn'"),
        (["--shapes", "1x2"], "expected a shape as batch x steps x inputs x hidden"),
        (["--malloc", "never"], "expected --malloc as default, keep, both, got 'never'"),
    ],
)
def test_mistakes(gatewise, tmp_path, arguments, message):
    result = gatewise("bench", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
