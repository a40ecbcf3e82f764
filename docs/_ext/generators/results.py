"""The directive `published-results`: tables of the JSON files that the scripts of experiments write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from generators.pages import table

RESULTS = Path(__file__).parents[3] / "benchmarks" / "published" / "results"
MOST_ROWS = 60  # of one experiment; the file has the others
MOST_COLUMNS = 8


class PublishedResults(SphinxDirective):
    """Every experiment: the published figures, the settings and what was measured."""

    def run(self) -> list[nodes.Node]:
        text = []
        for path in sorted(RESULTS.glob("*.json")):
            self.env.note_dependency(str(path))
            text.append(experiment(path, json.loads(path.read_text())))
        return list(self.parse_text_to_nodes("\n\n".join(text), allow_section_headings=True))


def experiment(path: Path, found: dict[str, Any]) -> str:
    """The section of one experiment, in Markdown."""
    paper = found.get("paper", "none")
    published = "" if paper == "none" else f"Published: {escaped(paper)}.\n\n"
    settings = ", ".join(f"{name} {shown(value)}" for name, value in flat(found.get("settings", {})))
    versions = f"gatewise {found['gatewise']}, PyTorch {found['torch']}"
    made = f"{versions}, {found['threads']} of {found['cores']} cores"
    return (
        f"## {path.stem}\n{published}::::{{dropdown}} Measured in {minutes(found['minutes'])}\n"
        f"{measured(found['measured'])}\n\n"
        f"Settings: {escaped(settings)}.\n\n{made}.\n::::\n\n"
        f"{{download}}`{path.name} <../benchmarks/published/results/{path.name}>`"
    )


def measured(found: Any) -> str:
    """A table with a row for each model if all have a few values, else one with a row for each value."""
    models = found if isinstance(found, dict) else {}
    columns = list(dict.fromkeys(name for one in models.values() if isinstance(one, dict) for name in one))
    simple = all(isinstance(one, dict) and not any(map(is_nested, one.values())) for one in models.values())
    if models and simple and len(columns) <= MOST_COLUMNS:
        rows = [[name, *(shown(one.get(column)) for column in columns)] for name, one in models.items()]
        return table(["", *columns], rows)
    rows = [[name, shown(value)] for name, value in flat(found)]
    left_out = f"\n\n{len(rows) - MOST_ROWS} more rows are in the file." if len(rows) > MOST_ROWS else ""
    return table(["", "measured"], rows[:MOST_ROWS]) + left_out


def minutes(number: float) -> str:
    """A duration in words.

    >>> minutes(0.3), minutes(52.4)
    ('less than a minute', '52 minutes')
    """
    return "less than a minute" if number < 1 else f"{number:.0f} minutes"


def flat(found: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested dictionaries, each with its path; a list of plain values is a leaf.

    >>> list(flat({"lstm": {"MSE": 0.4, "seeds": [1, 2]}}))
    [('lstm, MSE', 0.4), ('lstm, seeds', [1, 2])]
    """
    items = found.items() if isinstance(found, dict) else enumerate(found, start=1)
    for name, value in items:
        path = f"{prefix}, {name}" if prefix else str(name)
        nested = isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(one, dict | list) for one in value)
        )
        if nested:
            yield from flat(value, path)
        else:
            yield path, value


def is_nested(value: Any) -> bool:
    """Whether a value has values inside; a list of numbers or texts is a value itself."""
    inside = value if isinstance(value, list) else ()
    return isinstance(value, dict) or any(isinstance(one, dict | list) for one in inside)


def shown(value: Any) -> str:
    """A value as text; numbers with separators of thousands and at most four digits of a fraction.

    >>> shown(188170), shown(0.37631), shown([1, 2])
    ('188,170', '0.3763', '1, 2')
    """
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    return f"{round(value, 4):,}" if isinstance(value, int | float) else str(value)


def escaped(text: str) -> str:
    """Text whose characters of Markdown are themselves."""
    return "".join(f"\\{one}" if one in "*_`^[]|<>" else one for one in text)


def setup(app: Sphinx) -> None:
    """Registers the directive."""
    app.add_directive("published-results", PublishedResults)
