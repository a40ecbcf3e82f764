"""A table that is larger than the memory there is trains a network all the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

ALLOWED = 60 << 20
SEQUENCES, STEPS, CHANNELS = 1000, 400, 40
PROGRAM = """
import resource
import sys
from pathlib import Path
import numpy as np
import torch
from gatewise.baselines import sequence_features
from gatewise.modules import random_convolutions
from gatewise.tasks.classify.task import TASK
from gatewise.training import runs
from gatewise.training.commands import train
from gatewise.tasks.options import verb_options
from tests.series import Quiet

torch.set_num_threads(1)
sequence_features.MAX_FEATURE_VALUES = 1 << 19  # its features have a limit of their own
random_convolutions.MAX_DILATIONS = 2  # more take time and no memory

def learn(path):
    options = verb_options("train", TASK.options)(hidden=2, epochs=1, cell="lstm", batch_size=8)
    run = runs.begin("train", TASK, path, options, path.with_suffix(""))
    runs.write(run)
    return train(run, TASK.read(run.data, run.options), Quiet())

small, large, allowed, numbers = sys.argv[1:]
learn(Path(small))  # libraries take what they always take
used = next(line for line in open("/proc/self/status") if line.startswith("VmData"))
limit = int(used.split()[1]) * 1024 + int(allowed)
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))  # maps of files don't count
try:
    np.ones(int(numbers))
    sys.exit("the limit does not hold")
except MemoryError:
    pass
comparison = learn(Path(large))
print(len(comparison.data.train), *sorted(result.name for result in comparison.results))
"""


def interleaved(path, sequences, steps):
    """A step of every sequence, then the next step of every sequence, as CSV."""
    row = np.arange(sequences * steps)
    values = ((row[:, None] * 7919 + np.arange(CHANNELS) * 104729) % 97).astype(np.int8)
    frame = pl.from_numpy(values, schema=[f"c{one}" for one in range(CHANNELS)])
    number = pl.Series("id", row % sequences)
    frame.with_columns(number, label=number % 2).write_csv(path)


@pytest.mark.thorough
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits memory so")
def test_training_takes_no_more_than_it_is_allowed(tmp_path):
    interleaved(tmp_path / "small.csv", 100, STEPS)
    interleaved(tmp_path / "large.csv", SEQUENCES, STEPS)
    numbers = SEQUENCES * STEPS * CHANNELS
    assert 4 * numbers > ALLOWED  # even as float32
    arguments = [tmp_path / "small.csv", tmp_path / "large.csv", ALLOWED, numbers]
    single = ("OMP", "OPENBLAS", "MKL", "POLARS_MAX")  # every thread has some memory of its own
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        env={**os.environ, **{f"{one}_NUM_THREADS": "1" for one in single}, "POLARS_MAX_THREADS": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "700 hybrid-lstm logistic majority minirocket nearest"
