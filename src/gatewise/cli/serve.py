"""`gatewise serve`: trained models over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.cli.parameters import with_options
from gatewise.serving.options import ServeOptions
from gatewise.serving.run import serve

MODELS = Annotated[list[Path], typer.Argument(help="Folders of finished runs, or of saved models.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("serve", help=about)(with_options(ServeOptions)(run))


def run(given: dict[str, Any], models: MODELS) -> None:
    """Serve trained models over HTTP: predictions, streams, texts, and a page to try them."""
    serve(models, **given)
