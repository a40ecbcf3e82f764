"""What someone new starts from: made data for each task, and a file of all its options."""

from __future__ import annotations

import shlex
from importlib import import_module
from pathlib import Path
from textwrap import wrap

import yaml

from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.tasks import find_task
from gatewise.tasks.options import verb_options

WIDTH = 100


def write_example(task: str, folder: str | Path | None = None) -> tuple[str, ...]:
    """Writes a small made example of the data that a task takes.

    Args:
        task: its name
        folder: a new or empty folder; by default `example-TASK`

    Returns:
        commands for a shell: to train on the data, to use the model, and to compare cells

    Raises:
        GatewiseError: if there is no such task, or the folder has files
    """
    found = find_task(task)
    place = Path(f"example-{task}" if folder is None else folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise GatewiseError(f"{str(place)!r} exists and is not an empty folder; give another one as --out")
    data, *options = import_module(f"{type(found).__module__.rpartition('.')[0]}.made").write(place)
    words = shlex.join([data, *options])
    run = f"run-{task}"
    return (
        f"gatewise train {task} {words} --out {run}",
        found.next_command.format(run=run, data=shlex.quote(data)),
        f"gatewise compare {task} {words} --cells lstm,gru",
    )


def options_text(task: str) -> str:
    """All options of `gatewise train TASK` as YAML for `--config`: described, with defaults, commented out.

    Raises: `GatewiseError` if there is no such task.
    """
    options = verb_options("train", find_task(task).options)
    lines = [
        f"# Options of `gatewise train {task} DATA --config THIS_FILE`, all with their defaults.",
        "# To change one, remove the # before it. Options of the command line take precedence.",
    ]
    for name, field in options.model_fields.items():
        lines += ["", *(f"# {line}" for line in wrap(field.description or "", WIDTH))]
        if field.is_required():
            lines.append(f"# {name}:  # required, here or as --{name.replace('_', '-')}")
            continue
        default = field.get_default(call_default_factory=True)
        value = list(default) if isinstance(default, tuple) else default
        plain = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
        lines.append(f"# {name}: {plain.partition(chr(10))[0]}")
    return "\n".join(lines) + "\n"


def required_options(task: str) -> list[str]:
    """The options that a task has no defaults for, as they are given in a shell."""
    fields = verb_options("train", find_task(task).options).model_fields
    return [f"--{name.replace('_', '-')}" for name, one in fields.items() if one.is_required()]


def write_options(task: str, path: str | Path | None = None) -> Path:
    """Writes the options of a task to a new file, by default `TASK.yaml`. Returns: its path.

    Raises: `GatewiseError` if there is no such task, or the file exists.
    """
    text, place = options_text(task), Path(f"{task}.yaml" if path is None else path)
    if place.exists():
        raise GatewiseError(f"{str(place)!r} exists; give another file as --out")
    write_whole(place, lambda partial: partial.write_text(text, encoding="utf-8"))
    return place
