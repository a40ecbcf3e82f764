"""Looking inside: what a model does at every step, and pictures of it."""

from gatewise.insight.trace import trace  # the function: the module is there for `from ... import`

__all__ = ["trace"]
