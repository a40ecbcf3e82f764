"""Tables that were read with the wrong columns are refused, by what would be right."""

import numpy as np
import pytest

from gatewise.data.sequences.plausible import require_classes, require_steps
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.errors import GatewiseError
from gatewise.tasks import find_task


def table(sizes, channels=("x", "y")):
    offsets = np.cumsum([0, *sizes])
    return SequenceTable(
        "data.csv",
        np.zeros((offsets[-1], len(channels))),
        offsets,
        tuple(map(str, range(len(sizes)))),
        channels,
    )


def test_sequences_of_one_step_are_refused():
    assert require_steps(table([3, 2])).notes == ()
    assert require_steps(table([3, 1, 2])).notes == ("1 of 3 sequences have only one step",)
    with pytest.raises(
        GatewiseError, match=r"every sequence .2 of them. has only one step; expected a row for"
    ):
        require_steps(table([1, 1]))
    with pytest.raises(
        GatewiseError, match=r"columns t0 to t2 look like the steps of a sequence in each row"
    ):
        require_steps(table([1, 1], ("t0", "t1", "t2")))
    with pytest.raises(GatewiseError, match=r"columns id, step, value$"):
        require_steps(table([1, 1]), None)


@pytest.mark.parametrize("task", ["classify", "generate-vectors", "label"])
def test_one_row_per_sequence_is_refused(tmp_path, task):
    path, found = tmp_path / "wide.csv", find_task(task)
    rows = "".join(f"{row},{'uv'[row % 2]},{row % 3}.5,{row % 5},{row % 7}\n" for row in range(40))
    path.write_text(f"id,label,t0,t1,t2\n{rows}")
    with pytest.raises(GatewiseError, match=r"only one step; its columns t0 to t2 look like .* --id COLUMN"):
        found.read(path, found.options())


def test_measurements_and_names_are_not_classes():
    fractions = [f"{value}.5" for value in range(30)]
    require_classes("data.csv", ["a", "b"], 2, "sequences")
    require_classes("data.csv", fractions, 60, "sequences")
    require_classes("data.csv", [str(value) for value in range(30)], 31, "sequences")
    with pytest.raises(GatewiseError, match=r"30 different labels for 59 sequences, .*: measurements are no"):
        require_classes("data.csv", fractions, 59, "sequences")
    with pytest.raises(GatewiseError, match=r"names of examples are not classes; .* with --label COLUMN"):
        require_classes("data.csv", [str(value) for value in range(30)], 30, "sequences")
