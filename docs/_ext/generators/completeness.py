"""Warns of an exported name that the reference lacks, which ends a build without warnings."""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from generators.api import exported

log = logging.getLogger(__name__)


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    documented = set(env.get_domain("py").objects)
    for name in sorted(set(exported()) - documented):
        log.warning("the API reference has no entry for the exported name %s", name)


def setup(app: Sphinx) -> None:
    """Registers the check, when all pages have been read."""
    app.connect("env-check-consistency", _check)
