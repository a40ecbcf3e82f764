"""A vocabulary: tokens and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Vocabulary:
    """Tokens by number; numbers below `first` are reserved, such as for padding.

    >>> vocabulary = Vocabulary(["tea", "eat"], first=1)
    >>> vocabulary.numbers(["eat", "ate"], unknown=0), vocabulary.known(["eat", "ate"]), len(vocabulary)
    ([2, 0], [2], 3)
    >>> vocabulary.token(2)
    'eat'
    """

    tokens: tuple[str, ...]
    first: int

    def __init__(self, tokens: Iterable[str], first: int = 0) -> None:
        self.tokens, self.first = tuple(tokens), first
        self._numbers = {token: number for number, token in enumerate(self.tokens, first)}

    def __len__(self) -> int:
        return self.first + len(self.tokens)

    def number(self, token: str, unknown: int) -> int:
        """The number of a token; `unknown` if it has none."""
        return self._numbers.get(token, unknown)

    def numbers(self, tokens: Iterable[str], unknown: int) -> list[int]:
        """The numbers of tokens; `unknown` for those without one."""
        return [self._numbers.get(token, unknown) for token in tokens]

    def known(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of the tokens that have one."""
        return [self._numbers[token] for token in tokens if token in self._numbers]

    def token(self, number: int) -> str:
        """The token with a number of at least `first`."""
        return self.tokens[number - self.first]


def most_frequent(
    counts: Counter[str], *, min_count: int = 1, size: int | None = None, sort_ties: bool = False
) -> list[str]:
    """The tokens that occur at least `min_count` times, the most frequent first.

    size: of them at most; sort_ties: whether equally frequent tokens are sorted, rather than in the order of
        their first occurrence

    >>> most_frequent(Counter("abracadabra"), min_count=2)
    ['a', 'b', 'r']
    >>> most_frequent(Counter("cabcab"), size=2, sort_ties=True)
    ['a', 'b']
    """
    tokens = [token for token, count in counts.most_common() if count >= min_count]
    if sort_ties:
        tokens.sort(key=lambda token: (-counts[token], token))
    return tokens[:size]
