"""The one exception that a user's mistake raises."""


class GatewiseError(ValueError):
    """A mistake in what was asked or given: one line that names it and what to do instead."""
