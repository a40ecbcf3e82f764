"""The two ways of the C library with large blocks of memory: mapped anew for each, or kept."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence

from gatewise.errors import GatewiseError

SETTINGS = ("default", "keep", "both")
# By default glibc gives large blocks back, and each new one costs a page fault every 4 KiB.
KEEPING = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 40),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_MMAP_MAX_": "0",
}


def current() -> str:
    """The setting of this process, which was fixed when it began."""
    return "keep" if all(name in os.environ for name in KEEPING) else "default"


def elsewhere(asked: str) -> list[str]:
    """Those of the settings asked for that this process does not have.

    Raises: `GatewiseError` for an unknown setting, or a C library that has none.
    """
    if asked not in SETTINGS:
        raise GatewiseError(f"expected --malloc as {', '.join(SETTINGS)}, got {asked!r}")
    if asked != "default" and platform.libc_ver()[0] != "glibc":
        raise GatewiseError(f"--malloc {asked} needs glibc; leave it out")
    return [one for one in SETTINGS[:2] if asked in (one, "both") and one != current()]


def run_with(setting: str, arguments: Sequence[str]) -> int:
    """Runs the command line in a process that has the setting; its exit code."""
    others = {name: value for name, value in os.environ.items() if name not in KEEPING}
    environment = others | KEEPING if setting == "keep" else others
    command = [sys.executable, "-m", "gatewise.cli.main", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode
