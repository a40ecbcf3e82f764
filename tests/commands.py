"""Whether commands and Python of the documentation exist: verbs, tasks, estimators and every option."""

import ast
import inspect
import shlex

import typer

import gatewise
from gatewise.cli.main import VERBS, _app
from gatewise.tasks import TASKS, find_task, variants
from gatewise.tasks.options import verb_options

TRAINING = {
    "train": {"out", "config", "resume", "from"},
    "compare": {"out", "config", "resume"},
    "tune": {"out", "config", "trials", "minutes"},
}
ALL_OPTIONS = {name for task in TASKS for name in verb_options("train", find_task(task).options).model_fields}


def require_command(line):
    """Fails where `gatewise VERB ... --option` names a verb, a task or an option that there is not."""
    words = shlex.split(line, comments=True)
    assert words[0] == "gatewise", line
    if len(words) == 1 or words[1].startswith("-"):
        return
    verb, options = words[1], [one[2:].partition("=")[0] for one in words if one.startswith("--")]
    assert verb in VERBS, line
    known = known_options(verb, words[2] if len(words) > 2 else None)
    for option in options:
        assert option in known, f"--{option}: {line}"


def known_options(verb, task):
    """The options of a verb, or of a task where the verb trains."""
    if verb in TRAINING:
        assert task in TASKS, f"gatewise {verb} {task}"
        kind = "compare" if verb == "compare" else "train"
        fields = {
            name: field
            for one in variants(task)
            for name, field in verb_options(kind, one.options).model_fields.items()
        }
        names = {name.replace("_", "-") for name in fields} | TRAINING[verb] | {"help", "cell"}
        return names | {f"no-{name}" for name in names}
    command = typer.main.get_command(_app([verb])).commands[verb]
    return {option[2:] for one in command.params for option in one.opts + one.secondary_opts} | {"help"}


def require_python(source):
    """Fails where `gw.NAME(option=...)` names an estimator, a function or an option that there is not."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        options = {one.arg for one in node.keywords}
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "gw":
            allowed = inspect.signature(getattr(gatewise, node.func.attr)).parameters
            free = any(one.kind is one.VAR_KEYWORD for one in allowed.values())
            assert free or options <= set(allowed), f"{ast.unparse(node)}: {options - set(allowed)}"
        elif node.func.attr == "fit":
            assert options <= ALL_OPTIONS | {"layout"}, ast.unparse(node)
