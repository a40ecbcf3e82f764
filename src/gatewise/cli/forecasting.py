"""What the verbs that train a forecast do alike: start or go on, show, draw, tell what is where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.cli.parameters import with_options
from gatewise.cli.show import Bar, console, leaderboard
from gatewise.data.forecasting import ForecastData
from gatewise.errors import GatewiseError
from gatewise.insight.forecast_picture import draw_forecast
from gatewise.training import runs
from gatewise.training.contest import Contest, Watcher
from gatewise.training.forecasting import read
from gatewise.training.options import ForecastOptions, resolve
from gatewise.training.processes import announce, announced, is_first

DATA = Annotated[Path | None, typer.Argument(help="A CSV or Parquet file of series.")]
OUT = Annotated[Path | None, typer.Option(help="The run's folder; a new one under runs/ if not given.")]
CONFIG = Annotated[Path | None, typer.Option(help="A YAML file of options; those given here overrule it.")]
RESUME = Annotated[Path | None, typer.Option(help="Go on with the run of this folder, as it was started.")]


@dataclass(frozen=True)
class Verb:
    """A verb that trains forecasts: its name, its options, and the job that it does with a run."""

    name: str
    options: type[ForecastOptions]
    job: Callable[[runs.Run, ForecastData, Watcher], Contest]


@dataclass(frozen=True)
class Asked:
    """What a command line says; `given` are its options."""

    data: Path | None = None
    out: Path | None = None
    config: Path | None = None
    resume: Path | None = None
    given: dict[str, Any] = field(default_factory=dict)


def add_verb(app: typer.Typer, about: str, verb: Verb, about_forecast: str) -> None:
    """Adds `gatewise VERB forecast` to the command."""

    def forecast(
        given: dict[str, Any],
        data: DATA = None,
        out: OUT = None,
        config: CONFIG = None,
        resume: RESUME = None,
    ) -> None:
        run = carry_out(verb, Asked(data, out, config, resume, given))
        console.print(f"\nnext: gatewise predict {run.folder} {run.data} --out forecast.csv")

    group = typer.Typer(help=about, no_args_is_help=True)
    group.callback()(lambda: None)  # without it, a group of one command would be that command
    group.command("forecast", help=about_forecast)(with_options(verb.options)(forecast))
    app.add_typer(group, name=verb.name)


def carry_out(verb: Verb, asked: Asked) -> runs.Run:
    """Starts or resumes a run and does the job with a bar; shows and writes what came out."""
    run = _run(verb, asked)
    data = read(run.data, run.options)
    begins = is_first() and asked.resume is None
    if begins:
        runs.write(run)
    for note in (*data.source.notes, _settled(data), data.describe_split()):
        console.print(note)
    try:
        with Bar() as bar:
            contest = verb.job(run, data, bar)
    except GatewiseError:
        if begins:
            runs.discard(run)
        raise
    except KeyboardInterrupt:
        console.print(f"interrupted; go on with: gatewise {verb.name} forecast --resume {run.folder}")
        raise
    draw_forecast(contest, run.folder / "forecast.png")
    console.print(leaderboard(contest))
    console.print(contest.verdict())
    _tell_files(run, contest)
    return run


def _run(verb: Verb, asked: Asked) -> runs.Run:
    """The run that the command line means; processes beside the first one join its run."""
    if not is_first():
        return runs.resume(verb.name, announced(asked.resume or asked.out))
    if asked.resume is not None:
        if asked != Asked(resume=asked.resume):
            raise GatewiseError("--resume goes on as the run was started; leave all else out")
        run = runs.resume(verb.name, asked.resume)
    elif asked.data is not None:
        run = runs.begin(verb.name, asked.data, resolve(verb.options, asked.config, asked.given), asked.out)
    else:
        raise GatewiseError(
            f"there is nothing to {verb.name} on: give a CSV or Parquet file, or --resume RUN"
        )
    announce(run.folder)
    return run


def _settled(data: ForecastData) -> str:
    plan = data.plan
    period = f"a period of {plan.period}" if plan.period > 1 else "no period"
    if plan.period > plan.context:
        period += ", beyond the context: no seasonal naive"
    return (
        f"a step is one {data.source.step}; looking back on {plan.context} steps "
        f"to foretell {plan.horizon}; {period}"
    )


def _tell_files(run: runs.Run, contest: Contest) -> None:
    chosen = contest.chosen(baseline=False)
    assert chosen is not None
    if len(run.cells) > 1:
        console.print(
            f"The model kept for use is {chosen.name} (MASE {chosen.scores.mase:.3f}): "
            "it did best on the validation part, which alone may choose."
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
