"""A tiny program to compile, and what a test of the kernel cache does with it."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager

import pytest

from gatewise.engine import compiling, loading
from gatewise.engine.compiling import NativeProgram
from gatewise.engine.loading import load

STRANGER = 54321  # a user who is neither this one nor root
only_with_compiler = [
    pytest.mark.skipif(
        not (shutil.which("g++") or shutil.which("clang++")), reason="there is no C++ compiler"
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="uses what Linux has"),
]
only_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)


def program(number=7):
    """A library that returns a number, and the object file that it is linked with."""
    part = NativeProgram("part", "int part() { return 100; }", ("-fPIC", "-c"), suffix=".o")
    text = f'int part(); extern "C" int number() {{ return part() + {number}; }}'
    return NativeProgram("number", text, ("-shared", "-fPIC"), part=part)


def loaded(number=7):
    """What the library returns in a process that has loaded nothing yet."""
    start_anew()
    return load(program(number)).number() - 100


def start_anew():
    """Forgets what a new process does not know."""
    for known in (loading._warned, loading._parts, loading._loaded):
        known.clear()
    compiling._version.cache_clear()


@contextmanager
def umask(mode):
    before = os.umask(mode)
    try:
        yield
    finally:
        os.umask(before)
