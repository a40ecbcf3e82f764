"""The measurement: every candidate is checked, then all are timed in turns."""

from __future__ import annotations

import json
import platform
import signal
import statistics
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from gatewise.benchmark import malloc, results
from gatewise.benchmark.candidate import FLOAT32, Competitor, TimedCandidate
from gatewise.benchmark.check import Checker
from gatewise.benchmark.clock import take_turns
from gatewise.benchmark.machine import Machine
from gatewise.benchmark.plan import BenchmarkPlan
from gatewise.benchmark.results import OURS, Row
from gatewise.benchmark.workload import BenchmarkCase, BenchmarkProblem
from gatewise.files import write_whole

NOISE = 1.05  # times the peak is possible: a processor's clock varies by a few percent
LIMIT = 120  # seconds of preparation; a slower candidate is left out
PACKAGES = ("torch", "numpy", "jax", "onnxruntime", "openvino")


class BenchmarkCallback(Protocol):
    """Receives the progress of a benchmark."""

    def doing(self, activity: str) -> None:
        """Called with the current activity."""

    def note(self, text: str) -> None:
        """Called with a remark on the results, such as the reason why a candidate was left out."""

    def measured(self, rows: Sequence[Row]) -> None:
        """Called with all rows of one cell and shape."""


class Bench:
    """One run of a plan on a machine.

    rows: the measurements; wrong: deviations of gatewise itself from the reference
    """

    plan: BenchmarkPlan
    machine: Machine
    callback: BenchmarkCallback
    setting: str
    others: list[Row]

    def __init__(self, plan: BenchmarkPlan, machine: Machine, callback: BenchmarkCallback) -> None:
        self.plan, self.machine, self.callback = plan, machine, callback
        self.setting = malloc.current()
        self.rows: list[Row] = []
        self.wrong: list[str] = []
        self.notes: list[str] = []
        before = results.read(plan.out / "speed.csv") if plan.out else []
        self.others = [row for row in before if (row.malloc, row.dtype) != (self.setting, plan.dtype)]

    def run(self) -> None:
        """Measures everything; writes after every shape, so that an interruption loses only one."""
        candidates = [one for one in self.plan.candidates if not self._note(one.name, one.missing())]
        self._write()
        for case in self.plan.cases:
            self._measure(case, [one for one in candidates if one.fits(case)])

    def _measure(self, case: BenchmarkCase, candidates: Sequence[Competitor]) -> None:
        self.callback.doing(f"{case}: computing the reference")
        problem = BenchmarkProblem.of(case)
        checker = Checker(problem, self.plan.dtype)
        passes = [one for one in case.passes if one in self.plan.passes]
        ready: dict[str, dict[str, TimedCandidate]] = {which: {} for which in passes}
        for one in candidates:
            if self._note(one.name, one.refusal(case)):
                continue
            self.callback.doing(f"{case}: preparing {one.name}")
            try:
                with _at_most(LIMIT), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    candidate = one.prepare(problem, self.plan.dtype)
                    for which in [name for name in one.measured(case) if name in passes]:
                        wrong = checker.disagreement(candidate, which)
                        if not self._note(f"{case} {which}, {one.name}", wrong, "no time shown: "):
                            ready[which][one.name] = candidate
                        elif one.name.startswith(OURS):
                            self.wrong.append(f"{case} {which}: {wrong}")
            except Exception as error:  # any error of another library; the others continue
                self._note(f"{case}, {one.name}", f"{type(error).__name__}: {str(error).strip()[:150]}")
        del checker  # and its memory
        found = [row for which in passes for row in self._timed(case, which, ready[which])]
        self.rows += found
        self._check_peak(found)
        self.callback.measured(self.rows[len(self.rows) - len(found) :])
        self._write()

    def _timed(self, case: BenchmarkCase, which: str, ready: dict[str, TimedCandidate]) -> list[Row]:
        """The rows of one pass."""
        self.callback.doing(f"{case}: {which}")
        calls = {name: getattr(one, which) for name, one in ready.items()}
        rows, operations, peak = [], case.operations(which), self.machine.peak
        for library, turns in take_turns(calls, self.plan.repeats).items():
            seconds = statistics.median(turns)
            gflops = operations / seconds / 1e9
            saved = ready[library].saved_bytes() if which == "both" else None
            rows.append(
                Row(
                    self.setting,
                    self.plan.dtype,
                    case.cell.__name__,
                    str(case.shape),
                    case.workload,
                    which,
                    library,
                    milliseconds=1e3 * seconds,
                    relative_range=(max(turns) - min(turns)) / seconds,
                    gflops=gflops,
                    peak_fraction=gflops / peak if peak and self.plan.dtype == FLOAT32 else None,
                    saved_mb=None if saved is None else saved / 1e6,
                )
            )
        other = results.reference_row(rows)
        if other is None:
            return rows
        return [
            replace(row, ratio=other.milliseconds / row.milliseconds, compared_with=other.library)
            for row in rows
        ]

    def _check_peak(self, found: Sequence[Row]) -> None:
        """Refuses the peak, and all fractions of it, if a new row is above it."""
        above = [row for row in found if (row.peak_fraction or 0.0) > NOISE]
        if not above:
            return
        row = max(above, key=lambda one: one.gflops)
        reason = (
            f"refused: {row.cell} {row.shape} runs at {row.gflops:.0f} GFLOP/s ({row.library}), "
            f"{row.peak_fraction:.0%} of the measured peak; measure again while no other program runs"
        )
        self._note("fractions of the peak", reason)
        self.machine = replace(self.machine, peak=None, reason=reason)
        self.rows = [replace(one, peak_fraction=None) for one in self.rows]

    def _note(self, subject: str, reason: str | None, prefix: str = "") -> bool:
        """Reports once why a candidate is left out. Returns: whether there is a reason."""
        if reason is None:
            return False
        text = f"{subject}: {prefix}{' '.join(reason.split())}"
        if text not in self.notes:
            self.notes.append(text)
            self.callback.note(text)
        return True

    def _write(self) -> None:
        if self.plan.out is None:
            return
        results.write([*self.others, *self.rows], self.plan.out / "speed.csv")
        facts = {**self.machine.as_json(), "python": platform.python_version(), "versions": _versions()}
        facts["left_out"] = self.notes
        text = json.dumps(facts, indent=2) + "\n"
        write_whole(
            self.plan.out / "machine.json", lambda partial: partial.write_text(text, encoding="utf-8")
        )


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("gatewise", *PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Raises `TimeoutError` after some seconds, if the system can; a call into C is not interrupted."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError(f"not ready within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
