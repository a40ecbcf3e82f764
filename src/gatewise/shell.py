"""Whether this process runs the command line, whose messages name options as in a shell."""

from contextvars import ContextVar

in_shell: ContextVar[bool] = ContextVar("in_shell", default=False)
