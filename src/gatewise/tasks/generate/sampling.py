"""Text from a model of the next symbol: drawn symbol by symbol."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.data.text.alphabet import Alphabet
from gatewise.modules.finite import require_no_nan
from gatewise.tasks.generate.network import NextSymbol


@dataclass(frozen=True)
class SamplingConfig:
    """Which symbols are drawn, of those that a model foretells.

    temperature: `p^(1/temperature)`: below 1 what is likely becomes likelier; 0 always takes the likeliest
    top_k: only from so many of the likeliest; 0 for all
    top_p: only from the likeliest that together have this probability (Holtzman et al. 2020)
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def chances(self, logs: Tensor) -> Tensor:
        """`ln p` of V symbols -> the probabilities to draw by.

        >>> SamplingConfig(top_k=2).chances(torch.tensor([0.1, 0.5, 0.4]).log())
        tensor([0.0000, 0.5556, 0.4444])
        """
        if self.temperature == 0:
            return torch.nn.functional.one_hot(logs.argmax(), len(logs)).to(logs.dtype)
        chances = torch.softmax(logs / self.temperature, dim=-1)
        sorted_chances, order = chances.sort(descending=True, stable=True)
        kept = sorted_chances.cumsum(0) - sorted_chances < self.top_p  # what comes before is not enough
        kept[0] = True
        if self.top_k:
            kept[self.top_k :] = False
        chances[order[~kept]] = 0
        return chances / chances.sum()


def sample(
    model: NextSymbol,
    prime: Sequence[int],
    taste: SamplingConfig,
    generator: torch.Generator,
    never: int | None = None,
) -> Iterator[int]:
    """Goes on after a prime, without end.

    generator: of the processor, wherever the model is; never: a symbol that is not drawn, as the unknown one
    """
    read = torch.tensor([list(prime)], device=model.device)
    state = None
    while True:
        with torch.inference_mode():
            logs, state = model.next(read, state)
            logs = logs[0].cpu()
            require_no_nan(logs, "the probabilities of the next symbol")
            if never is not None:
                logs[never] = -torch.inf
            drawn = torch.multinomial(taste.chances(logs), 1, generator=generator)
        read = drawn.unsqueeze(0).to(model.device)
        yield int(drawn)


def generate_text(
    model: NextSymbol, alphabet: Alphabet, prime: str, taste: SamplingConfig, generator: torch.Generator
) -> Iterator[str]:
    """The text that follows a prime, a piece for each symbol; a character comes when it is whole.

    The prime begins a line, as a model knows how a line begins better than how nothing does.

    Errors: `GatewiseError` where the prime has unknown characters.
    """
    begin = [*_line_break(alphabet), *alphabet.primed(prime).tolist()] or [len(alphabet) - 1]
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    for symbol in sample(model, begin, taste, generator, alphabet.unknown):
        yield decoder.decode(alphabet.spelled(symbol))


def _line_break(alphabet: Alphabet) -> list[int]:
    """A line break, if the alphabet has one."""
    return [one for one in alphabet.encode(b"\n").tolist() if one != alphabet.unknown]
