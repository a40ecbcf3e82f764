"""What the verbs that train a forecast do alike: start or go on, show, draw, tell what is where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.cli.show import Bar, console, leaderboard
from gatewise.data.forecasting import ForecastData
from gatewise.errors import GatewiseError
from gatewise.insight.forecast_picture import draw_forecast
from gatewise.training import runs
from gatewise.training.contest import Contest, Watcher
from gatewise.training.forecasting import read
from gatewise.training.options import ForecastOptions, resolve
from gatewise.training.processes import announce, announced, is_first

OUT = Annotated[Path | None, typer.Option(help="The run's folder; a new one under runs/ if not given.")]
CONFIG = Annotated[Path | None, typer.Option(help="A YAML file of options; those given here overrule it.")]
RESUME = Annotated[Path | None, typer.Option(help="Go on with the run of this folder, as it was started.")]

Job = Callable[[runs.Run, ForecastData, Watcher], Contest]


def start_or_resume(
    verb: str,
    kind: type[ForecastOptions],
    data: Path | None,
    out: Path | None,
    config: Path | None,
    resume: Path | None,
    given: dict[str, Any],
) -> runs.Run:
    """The run that the command line means; processes beside the first one join its run."""
    if not is_first():
        return runs.resume(verb, announced(resume or out))
    run = _first_run(verb, kind, data, out, config, resume, given)
    announce(run.folder)
    return run


def _first_run(
    verb: str,
    kind: type[ForecastOptions],
    data: Path | None,
    out: Path | None,
    config: Path | None,
    resume: Path | None,
    given: dict[str, Any],
) -> runs.Run:
    if resume is not None:
        if data or out or config or given:
            raise GatewiseError("--resume goes on as the run was started; leave all else out")
        return runs.resume(verb, resume)
    if data is None:
        raise GatewiseError(f"there is nothing to {verb} on: give a CSV or a Parquet file, or --resume RUN")
    return runs.begin(verb, data, resolve(kind, config, given), out)


def carry_out(run: runs.Run, job: Job) -> Contest:
    """Does the job with a bar, then shows and writes what came out."""
    data = read(run.data, run.options)
    if is_first():
        runs.write(run)
    for note in (*data.source.notes, *_settled(data), data.describe_split()):
        console.print(note)
    try:
        with Bar() as bar:
            contest = job(run, data, bar)
    except KeyboardInterrupt:
        console.print(f"interrupted; go on with: gatewise {run.verb} forecast --resume {run.folder}")
        raise
    console.print(leaderboard(contest))
    console.print(contest.verdict())
    draw_forecast(contest, run.folder / "forecast.png")
    return contest


def tell_files(run: runs.Run, contest: Contest) -> None:
    """What was written where."""
    chosen = contest.chosen(baseline=False)
    assert chosen is not None
    if len(run.cells) > 1:
        console.print(
            f"The model kept for use is {chosen.name}: the validation part chose it, not the test part."
        )
    files = {
        "leaderboard.csv": "the table above",
        "forecast.png": "the end of the series, foretold and true",
        "model.safetensors": f"{chosen.name}, for use, with model.json",
        "config.yaml": "every option, to run it again with --config",
    }
    console.print(f"\nwritten to {run.folder}/")
    for name, about in files.items():
        console.print(f"  {name:<18} {about}")


def _settled(data: ForecastData) -> list[str]:
    plan, step = data.plan, data.source.step
    period = f"a period of {plan.period}" if plan.period > 1 else "no period"
    return [
        f"a step is one {step}; looking back on {plan.context} steps to foretell {plan.horizon}; {period}"
    ]
