"""The figures of a task, written as the command line writes them."""


def drawn(task, comparison, folder):
    """Writes the figures of a comparison into a folder; what each file shows, by its name."""
    return {plot.save(folder).name: plot.description for plot in task.draw(comparison)}
