"""Runs of a task without the command line: training, comparison, evaluation."""

from gatewise.tasks.serialization import load_model
from gatewise.training import commands, runs
from tests.series import Quiet

COMMANDS = {"train": commands.train, "compare": commands.compare}


def execute(task, verb, path, folder, options):
    """Trains or compares on the data of a path, in a folder."""
    run = runs.begin(verb, task, path, options, folder)
    runs.write(run)
    return COMMANDS[verb](run, task.read(run.data, run.options), Quiet())


def evaluate(task, folder, path):
    """Evaluates the model of a folder on the data of a path."""
    model = load_model(folder)
    return commands.evaluate(task, model, task.load_for_evaluation(model, path), Quiet())
