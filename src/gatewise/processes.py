"""Several processes that train one network, on several devices or machines."""

from __future__ import annotations

import os
import time
from pathlib import Path

from gatewise.errors import GatewiseError

FOLDER_VARIABLE = "GATEWISE_RUN"  # passes the folder of the run from the first process to the others
PATIENCE = 60.0


def is_first() -> bool:
    """Whether this process is the one that reads, evaluates, prints and writes."""
    names = ("RANK",) if "RANK" in os.environ else ("LOCAL_RANK", "NODE_RANK")
    return all(int(os.environ.get(name, "0")) == 0 for name in names)


def announce(folder: Path) -> None:
    """Passes the folder of the run to processes that this one starts."""
    os.environ[FOLDER_VARIABLE] = str(folder.resolve())


def announced(out: Path | None) -> Path:
    """The folder that the first process made; waits for it if all were started at the same time.

    Raises: `GatewiseError` if the folder is unknown, or is not made in time.
    """
    named = out or os.environ.get(FOLDER_VARIABLE)
    if not named:
        raise GatewiseError("several processes started at once need one --out to share")
    end = time.monotonic() + PATIENCE
    while not (Path(named) / "run.json").is_file():
        if time.monotonic() > end:
            raise GatewiseError(f"the first process made no run in {named} within {PATIENCE:.0f} seconds")
        time.sleep(0.1)
    return Path(named)
