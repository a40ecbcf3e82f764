"""Estimators: signatures with the required options only, and members without scikit-learn's own."""

from __future__ import annotations

import inspect
import re
from typing import Any

from sphinx.application import Sphinx

from gatewise.estimators.signature import required_options
from gatewise.tasks import estimator_names

OF_SCIKIT_LEARN = re.compile(r"set_\w+_request|get_metadata_routing")


def _shorten(app: Sphinx, what: str, name: str, thing: Any, options: Any, arguments: str, result: str) -> Any:
    if what == "class" and name.removeprefix("gatewise.") in estimator_names():
        return f"({', '.join(['*', *required_options(thing), '**options'])})", None
    return None


def _skip(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Whether a member is left out: True for methods of scikit-learn, and for what has no docstring."""
    if OF_SCIKIT_LEARN.fullmatch(name):
        return True
    return None if inspect.getdoc(thing) else True


def setup(app: Sphinx) -> None:
    """Registers both."""
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-skip-member", _skip)
