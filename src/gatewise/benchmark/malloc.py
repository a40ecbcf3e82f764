"""The two settings of the C library for large blocks of memory: mapped for each, or kept."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence

from gatewise.errors import GatewiseError

SETTINGS = ("default", "keep", "both")
# By default glibc returns large blocks to the system, and each new one costs a page fault every 4 KiB.
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 40),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_MMAP_MAX_": "0",
}


def current() -> str:
    """The setting of this process, which is fixed at its start."""
    return "keep" if all(name in os.environ for name in ENVIRONMENT) else "default"


def other_settings(asked: str) -> list[str]:
    """The requested settings that this process does not have.

    Raises: `GatewiseError` if a setting is unknown, or the C library has none.
    """
    if asked not in SETTINGS:
        raise GatewiseError(f"expected --malloc as {', '.join(SETTINGS)}, got {asked!r}")
    if asked != "default" and platform.libc_ver()[0] != "glibc":
        raise GatewiseError(f"--malloc {asked} needs glibc; leave it out")
    return [one for one in SETTINGS[:2] if asked in (one, "both") and one != current()]


def run_with(setting: str, arguments: Sequence[str]) -> int:
    """Runs the command line in a process with the setting. Returns: its exit code."""
    others = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    environment = others | ENVIRONMENT if setting == "keep" else others
    command = [sys.executable, "-m", "gatewise", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode
