"""The options that a search varies, with their ranges: the `search` of their declarations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.tasks.options import TaskOptions


@dataclass(frozen=True)
class SearchRange:
    """The values of an option in a search.

    low, high: both included; integers if the option is one; log: whether their logarithm is uniform
    above: another option and a number; the option is varied only where the other one is larger
    choices: the values of an option that is not a number
    """

    low: float = 0
    high: float = 0
    log: bool = False
    above: Sequence[Any] | None = None
    choices: tuple[str, ...] = ()

    def draw(self, trial: Any, name: str) -> Any:
        """A value that a trial of Optuna suggests."""
        if self.choices:
            return trial.suggest_categorical(name, self.choices)
        suggest = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        return suggest(name, self.low, self.high, log=self.log)


def search_space(options_type: type[TaskOptions], fixed: Collection[str]) -> dict[str, SearchRange]:
    """The range of each option that is declared with one, in the order of the declarations.

    fixed: options that are not varied

    >>> from gatewise.tasks import find_task
    >>> search_space(find_task("forecast").options, fixed=["dropout", "hidden"])["layers"]
    SearchRange(low=1, high=3, log=False, above=None, choices=())
    """
    found = {name: _declared(options_type, name) for name in options_type.model_fields if name not in fixed}
    return {name: SearchRange(**one) for name, one in found.items() if one is not None}


def _declared(options_type: type[TaskOptions], name: str) -> dict[str, Any] | None:
    """The range of an option, from the last class that declares one; None if none does."""
    for kind in options_type.__mro__:
        field = getattr(kind, "model_fields", {}).get(name)
        extra = None if field is None else field.json_schema_extra
        if isinstance(extra, dict) and "search" in extra:
            return dict(extra["search"])
    return None


def draw_options(trial: Any, space: Mapping[str, SearchRange], base: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each range that applies in a trial. base: the options before any is varied"""
    drawn: dict[str, Any] = {}
    for name, one in space.items():
        if one.above is None or {**base, **drawn}[one.above[0]] > one.above[1]:
            drawn[name] = one.draw(trial, name)
    return drawn
