"""The command `gatewise`: finds the verb, and reports a mistake in one line."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import typer

from gatewise import __version__
from gatewise.cli import completion
from gatewise.errors import GatewiseError
from gatewise.shell import in_shell
from gatewise.tasks import TASKS
from gatewise.terminal import printable

VERBS = {
    "example": "Write a small made example of the data that a task takes, and show the commands to run.",
    "init": "Write all options of a task, described and commented out, as a YAML file.",
    "look": "Show what would be read from a table of series, and what is missing in it.",
    "compare": "Train several cells and all baselines on your data, and rank them.",
    "train": "Train one network on your data.",
    "tune": "Search for better options of a network, and score the best one.",
    "evaluate": "Score a trained model on other data.",
    "backtest": "Forecast the end of the data from rolling origins with a trained model.",
    "predict": "Predict for new data with a trained model.",
    "export": "Write a trained model as a file for programs without gatewise.",
    "inspect": "Write an HTML report of every gate and state of a trained model, step by step.",
    "ablate": "Compute the loss of a trained model with each gate or unit clamped.",
    "sample": "Continue a text, or sample vectors, with a trained generator.",
    "serve": "Serve trained models over HTTP: predictions, streams, texts, and a page to try them.",
    "cells": "Show the cells and their equations.",
    "explain": "Walk through a cell with numbers, or measure over which lags cells learn and remember.",
    "doctor": "Describe this machine, and show which backend runs which cell on it.",
    "demo": "Compare cells on a series that ships with gatewise.",
    "bench": "Measure the speed of the layers on this machine, beside other libraries.",
}
MISTAKE, FAILURE, INTERRUPTED = 2, 1, 130
UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer has no public name for it


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line; exits with 2 after a user's mistake, with 130 after Ctrl-C."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = [one for one in given if one != "--debug"]
    _prepare_streams()
    try:
        code = _run(_with_verb(given))
        sys.stdout.flush()  # so that a full disk raises here
    except SystemExit:
        raise
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", INTERRUPTED)
    except BaseException as error:  # polars' PanicException is not an Exception
        if isinstance(error, OSError):
            _abandon_output()
        if isinstance(error, BrokenPipeError):  # as with `| head`
            sys.exit(FAILURE)
        if debug:
            raise
        _fail(*_explained(error))
    sys.exit(code or 0)


def _with_verb(given: list[str]) -> list[str]:
    """The arguments, with the verb that `gatewise TASK --example` leaves out."""
    if not given or given[0] not in TASKS or given[0] in VERBS:
        return given
    task, *others = given
    if "--example" not in others:
        raise GatewiseError(
            f"{task} is a task, and a verb comes before it: gatewise train {task} DATA, or "
            f"gatewise {task} --example for data to try it on"
        )
    return ["example", task, *(one for one in others if one != "--example")]


def _run(given: list[str]) -> Any:
    """The exit code of a command. Typer's own runner takes any EOFError for Ctrl-C."""
    if completion.is_requested():
        completion.print_completions(_app(given))
    token = in_shell.set(True)
    try:
        command = typer.main.get_command(_app(given))
        with command.make_context("gatewise", given) as context:
            return command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    finally:
        in_shell.reset(token)


def _explained(error: BaseException) -> tuple[str, int]:
    """The message of an error in one line, and the exit code."""
    if isinstance(error, GatewiseError | UsageError):
        return getattr(error, "format_message", error.__str__)(), MISTAKE
    if isinstance(error, OSError):
        named = error.filename is not None and error.strerror
        file = f"{error.filename}: {error.strerror}" if named else f"a file: {error}"
        return f"can't read or write {file}", MISTAKE
    if isinstance(error, ModuleNotFoundError) and (error.name or "gatewise").partition(".")[0] != "gatewise":
        name = str(error.name).partition(".")[0]
        return (
            f"this needs {name}, which is not installed; `pip install gatewise` installs what it needs",
            MISTAKE,
        )
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({str(error) or 'for this'}); give smaller data or sizes", MISTAKE
    return f"this should not happen ({type(error).__name__}: {error}); --debug shows where", FAILURE


def _prepare_streams() -> None:
    """Makes any name printable, and replaces closed streams."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (it stays open)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _abandon_output() -> None:
    """Discards pending output, so that Python does not write it again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _app(given: list[str]) -> typer.Typer:
    """All verbs, of which only the one that is called is loaded: PyTorch is slow to import."""
    app = typer.Typer(
        help="Recurrent networks, from the equation to the trained model.",
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def _everywhere(
        context: typer.Context,
        debug: bool = typer.Option(False, "--debug", help="Show the traceback of errors; for every command."),
        version: bool = typer.Option(False, "--version", help="Show the version."),
    ) -> None:
        if version:
            typer.echo(f"gatewise {__version__}")
        elif context.invoked_subcommand is None:
            typer.echo(context.get_help())

    if completion.is_requested():
        completion.add_verbs(app, VERBS)
        return app
    called = next((one for one in given if not one.startswith("-")), None)
    for verb, about in VERBS.items():
        if verb == called:
            import_module(f"gatewise.cli.{verb}").add(app, about)
        else:
            app.command(verb, help=about)(lambda: None)
    return app


def _fail(message: str, code: int) -> None:
    if message:  # empty if the help was shown instead
        with suppress(OSError):  # the stream may be closed
            print(f"gatewise: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)
