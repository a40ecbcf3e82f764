"""The command `gatewise`: finds the verb, and turns a mistake into one line."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from gatewise import __version__
from gatewise.errors import GatewiseError

VERBS = {
    "compare": "Train several cells and all baselines on your data, and rank them.",
    "train": "Train one network on your data.",
    "evaluate": "Score a trained model on other data.",
    "predict": "Let a trained model say what it sees in new data.",
    "inspect": "Look inside a trained model: every gate and state, step by step, as a page.",
    "surgery": "See what a trained model loses when a gate is held, or a unit silenced.",
    "sample": "Go on with a text, or draw vectors, by a model trained to generate.",
    "cells": "Show the cells and their equations.",
    "explain": "Walk through a cell line by line, with numbers.",
    "doctor": "Show what this machine has, and which backend serves what on it.",
    "demo": "Compare cells on a series that ships with gatewise.",
    "bench": "Time the layers on this machine, beside other libraries.",
}
MISTAKE, FAILURE, INTERRUPTED = 2, 1, 130
UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer has no public name for it


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line; exits with 2 after a user's mistake, with 130 after Ctrl-C."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = [one for one in given if one != "--debug"]
    try:
        code = typer.main.get_command(_app(given))(given, prog_name="gatewise", standalone_mode=False)
    except (GatewiseError, UsageError) as error:
        if debug:
            raise
        _fail(getattr(error, "format_message", error.__str__)(), MISTAKE)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", INTERRUPTED)
    except OSError as error:
        if debug:
            raise
        named = error.filename is not None and error.strerror
        what = f"{error.filename}: {error.strerror}" if named else f"a file: {error}"
        _fail(f"can't read or write {what}", MISTAKE)
    except Exception as error:
        if debug:
            raise
        _fail(f"this should not happen ({type(error).__name__}: {error}); --debug shows where", FAILURE)
    sys.exit(code or 0)


def _app(given: list[str]) -> typer.Typer:
    """All verbs by name, but only the one that is called is loaded: PyTorch is slow to import."""
    app = typer.Typer(
        help="Recurrent networks, from the equation to the trained model.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def _everywhere(
        context: typer.Context,
        debug: bool = typer.Option(False, "--debug", help="Show where an error arose; with every verb."),
        version: bool = typer.Option(False, "--version", help="Show the version."),
    ) -> None:
        if version:
            typer.echo(f"gatewise {__version__}")
        elif context.invoked_subcommand is None:
            typer.echo(context.get_help())

    wanted = next((one for one in given if not one.startswith("-")), None)
    for verb, about in VERBS.items():
        if verb == wanted:
            import_module(f"gatewise.cli.{verb}").add(app, about)
        else:
            app.command(verb, help=about)(lambda: None)
    return app


def _fail(message: str, code: int) -> None:
    if message:  # there is none where the help was shown instead
        print(f"gatewise: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
