"""Kernels compiled with the address, undefined behaviour and thread sanitizers, in processes of their own."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
import torch

from gatewise.cells import LSTM, cells, mdlstm
from gatewise.engine import build, kernel, workspace
from gatewise.engine.native import Native
from gatewise.engine.reference import Reference
from tests.engine import test_int8, test_lattice
from tests.engine.test_native import TOLERANCE, assert_same, request_for, results

ROOT = Path(__file__).parents[2]
FLAGS = (
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g1",
    # These take half of the compiler's time, and a null or misplaced pointer is seen all the same.
    "-fno-sanitize=null,alignment,object-size,pointer-overflow,vptr",
    "--param", "asan-instrumentation-with-call-threshold=0",
)  # fmt: skip
SIZES = [(1, 1, 1, 1), (4, 5, 1, 17), (3, 5, 3, 1), (5, 1, 2, 17), (1, 2, 3, 17)]
WAYS = [(1, False, True), (2, False, False), (2, True, False), (3, True, True)]  # threads, share units, ahead


def sanitizers(*names):
    """The libraries that must be loaded before any other."""
    compiler = shutil.which("g++")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("there is no g++, whose sanitizers these are")
    found = []
    for name in names:
        command = [compiler, f"-print-file-name={name}"]
        place = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if not Path(place).is_absolute():
            pytest.skip(f"g++ has no {name}")
        found.append(place)
    return found


def sanitized(folder):
    """The environment in which kernels are compiled and run with sanitizers."""
    compiler = folder / "compiler"
    compiler.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec g++ "$@" {" ".join(FLAGS)}\n')
    compiler.chmod(0o755)
    return {
        **os.environ,
        "CXX": str(compiler),
        "GATEWISE_CACHE": str(folder / "kernels"),
        "LD_PRELOAD": " ".join(sanitizers("libasan.so", "libubsan.so")),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
        "OMP_WAIT_POLICY": "passive",
        "OMP_THREAD_LIMIT": "2",  # a kernel that asks for three gets fewer
    }


@pytest.mark.parametrize(
    "what", ["sequences", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("int8", "lattices"))]
)
def test_no_kernel_reads_or_writes_out_of_bounds(tmp_path, what):
    command = [sys.executable, "-m", __name__, what]
    done = subprocess.run(
        command, cwd=ROOT, env=sanitized(tmp_path), capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr[-4000:]
    assert "runtime error" not in done.stderr
    assert list((tmp_path / "kernels").glob("*LSTM*.so"))


@pytest.mark.thorough
def test_no_threads_race(tmp_path):
    """The packing and the barriers of a kernel's threads, under the thread sanitizer.

    It does not know GCC's OpenMP, which `openmp.cpp` replaces by threads that it does.
    """
    library = sanitizers("libtsan.so")[0]
    if shutil.which("setarch") is None:
        pytest.skip("there is no setarch, without which the sanitizer may not find its memory")
    threads = tmp_path / "openmp.o"
    flags = "-fsanitize=thread -O1 -g1"
    source = str(Path(__file__).with_name("openmp.cpp"))
    command = ["g++", *flags.split(), "-fPIC", "-fvisibility=hidden", "-c", source, "-o", str(threads)]
    subprocess.run(command, check=True)
    compiler = tmp_path / "compiler"
    compiler.write_text(f'#!/bin/sh\nexec g++ "$@" {flags} {threads}\n')
    compiler.chmod(0o755)
    environment = {
        **os.environ,
        "CXX": str(compiler),
        "GATEWISE_CACHE": str(tmp_path / "kernels"),
        "TSAN_OPTIONS": "ignore_noninstrumented_modules=1",
    }
    alone = ["setarch", "-R", "env", f"LD_PRELOAD={library}"]  # setarch itself does not start with it
    command = [*alone, sys.executable, "-m", __name__, "threads"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr[-4000:]
    assert "WARNING" not in done.stderr


def exercise_threads():
    """Weights that change, each way of sharing work among threads, several calls at once."""
    os.environ.pop("LD_PRELOAD")  # no compiler starts with it
    build.INSTALLED = Path(os.devnull)
    torch.set_num_threads(1)
    for way, sizes in product(WAYS[1:], [(4, 5, 1, 17), (5, 1, 2, 40)]):
        kernel.plan_threads = lambda *given, way=way: way
        request = request_for(cells()["LSTM"], sizes, torch.float32)
        for _ in range(2):
            results(Native(), request)
            with torch.no_grad():
                for one in request.parameters.values():
                    one.neg_()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _, request=request: results(Native(), request), range(8)))
        request = test_int8.sequences(LSTM, sizes)
        for _ in range(2):
            Native().run(request)
            for one in request.parameters.values():
                one.neg_()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _, request=request: Native().run(request), range(8)))


def begin():
    """Only what is compiled here runs, with memory of exactly the size that was asked for."""
    build.INSTALLED = Path(os.devnull)
    torch.manual_seed(0)
    torch.set_num_threads(2)
    workspace.take = lambda size: torch.empty(size, dtype=torch.uint8)
    workspace.give_back = lambda buffer: None


def exercise_sequences():
    """Small cases of all that makes a kernel's rows, units and steps end somewhere."""
    begin()
    cell = cells()["LayerNormLSTM"]  # which has all of the LSTM's code
    for way, sizes in product(WAYS, SIZES):
        kernel.plan_threads = lambda *given, way=way: way
        steps, batch, _, hidden = sizes
        # One number normalized is all rounding, grown by 1 / sqrt(1e-5).
        tolerance = TOLERANCE[torch.float32] * (300 if hidden == 1 else 1)
        lengths, resets = torch.arange(batch) % (steps + 1), torch.rand(steps, batch) < 0.3
        for more in (
            {},
            {"lengths": lengths, "resets": resets, "recompute": True},
            {"lengths": lengths.flip(0), "resets": resets, "reverse": True},
        ):
            request = request_for(cell, sizes, torch.float32, **more)
            assert_same(request, tolerance)
            with torch.no_grad():  # then only the last two steps of some rows are kept
                Native().run(request)


def exercise_int8():
    """The same for int8 weights."""
    begin()
    for way, sizes in product(WAYS, SIZES):
        kernel.plan_threads = lambda *given, way=way: way
        steps, batch, _, _ = sizes
        lengths, resets = torch.arange(batch) % (steps + 1), torch.rand(steps, batch) < 0.3
        test_int8.assert_same(test_int8.sequences(LSTM, sizes, lengths=steps - lengths, resets=resets))


def exercise_lattices():
    """Small lattices, samples of other sizes in one batch among them, in two directions."""
    begin()
    for way, (sizes, batch, hidden) in product(WAYS, [((1, 1), 1, 1), ((3, 5), 4, 17), ((4, 1), 3, 16)]):
        kernel.plan_threads = lambda *given, way=way: (*way[:2], False)
        own = test_lattice.lengths_for(sizes, batch)
        for lengths, reverse in ((None, (False, False)), (own, (True, False))):
            request = test_lattice.request_for(
                mdlstm(2), sizes, batch, 3, hidden, torch.float32, lengths=lengths, reverse=reverse
            )
            pair = (test_lattice.results(one.run, request) for one in (Native(), Reference()))
            for ours, theirs in zip(*pair, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=TOLERANCE[torch.float32])


EXERCISES = {
    "sequences": exercise_sequences,
    "int8": exercise_int8,
    "lattices": exercise_lattices,
    "threads": exercise_threads,
}


if __name__ == "__main__":
    EXERCISES[sys.argv[1]]()
    print("done")
