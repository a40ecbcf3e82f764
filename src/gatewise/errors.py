"""The exceptions for mistakes of a user."""

import re

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
LONGEST, ENDING = 2000, 500  # characters of a message, and of the end of one that is shortened


class GatewiseError(ValueError):
    r"""A mistake in the arguments or data of a user: one line that names it and what to do instead.

    Messages may quote the content of files: control characters are escaped, and long messages are shortened
    in the middle.

    >>> str(GatewiseError("no column 'a\nb'"))
    "no column 'a\\nb'"
    """

    def __init__(self, message: object = "") -> None:
        text = CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), str(message))
        if len(text) > LONGEST:
            text = f"{text[: LONGEST - ENDING]} ... {text[-ENDING:]}"
        super().__init__(text)


class DivergedError(GatewiseError):
    """A loss or a score is not finite: the model is useless, but other candidates may not be."""
