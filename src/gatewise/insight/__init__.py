"""Analysis of recurrent networks: traces, gradients, unit statistics, ablation, attribution."""

from gatewise.insight.trace import trace  # the function: the module is there for `from ... import`

__all__ = ["trace"]
