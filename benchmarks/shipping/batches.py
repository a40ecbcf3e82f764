"""The memory that predictions of a Parquet file larger than memory take.

`python benchmarks/shipping/batches.py > benchmarks/shipping/batches.txt`

A process that may not have more memory than `LIMIT` predicts a file that is larger, of `SERIES` series with
`STEPS` steps each. A limit of the system stops it where it asks for more.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import gatewise as gw
from gatewise.benchmark.facts import machine_facts

SERIES, STEPS, LIMIT = 100, 1_000_000, 1400  # MiB of data, beside the code of libraries
MIB = 2**20


def table(number: int, steps: int) -> pl.DataFrame:
    """A series of noise, which no compression makes smaller."""
    random = np.random.default_rng(number)
    minutes = np.datetime64("2020-01-01", "us") + np.arange(steps) * np.timedelta64(1, "m")
    values = 10 + random.normal(size=steps) + np.sin(np.arange(steps) / 30)
    return pl.DataFrame({"sensor": [f"s{number:02}"] * steps, "time": minutes, "value": values})


def write(folder: Path) -> Path:
    """One file of all series, a row group for each."""
    for number in range(SERIES):
        table(number, STEPS).write_parquet(folder / f"{number:02}.parquet", compression="uncompressed")
    parts = pl.concat([pl.scan_parquet(path) for path in sorted(folder.glob("*.parquet"))])
    parts.sink_parquet(folder / "all.parquet", compression="uncompressed", row_group_size=STEPS)
    return folder / "all.parquet"


def predict(folder: Path) -> None:
    """Predicts under the limit, and prints the peak."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT * MIB, LIMIT * MIB))
    model = gw.load(folder / "model")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = gw.predict_in_batches(model, folder / "data" / "all.parquet", folder / "out", progress=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = found.select(pl.len()).collect().item()
    print(f"{rows:,} forecasts; resident memory: {before:,.0f} MiB before, at most {peak:,.0f} MiB")


def main() -> None:
    """Writes data and a model, and predicts in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "data").mkdir()
        size = write(folder / "data").stat().st_size / MIB
        some = pl.concat([table(number, 2000) for number in range(3)])
        model = gw.Forecaster(horizon=12, context=60, cell="gru", max_steps=20, refit=False, progress=False)
        model.fit(some, time="time", target="value", id="sensor").save(folder / "model")
        print(f"{machine_facts()['processor']}; one thread, shared with other programs")
        print(
            f"a file of {size:,.0f} MiB, {SERIES * STEPS:,} rows; a process of at most {LIMIT} MiB of data",
            flush=True,
        )
        subprocess.run([sys.executable, __file__, str(folder)], check=True)


if __name__ == "__main__":
    predict(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
