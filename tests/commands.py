"""Whether a command of the documentation exists: its verb, its task, and every option."""

import shlex

from gatewise.cli.main import VERBS
from gatewise.tasks import TASKS, variants
from gatewise.tasks.options import verb_options

TRAINING = {"out", "config", "resume"}


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
    if verb in ("train", "compare"):
        assert task in TASKS, f"gatewise {verb} {task}"
        fields = {
            name: field
            for one in variants(task)
            for name, field in verb_options(verb, one.options).model_fields.items()
        }
        names = {name.replace("_", "-") for name in fields} | TRAINING | {"help", "cell"}
        return names | {f"no-{name}" for name in names}
    import typer

    from gatewise.cli.main import _app

    command = typer.main.get_command(_app([verb])).commands[verb]
    return {option[2:] for one in command.params for option in one.opts + one.secondary_opts} | {"help"}
