"""Sampling text from a language model, symbol by symbol."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.data.tokenizers.streams import StreamTokenizer
from gatewise.modules.finite import require_no_nan
from gatewise.tasks.generate.network import NextSymbol

COLDEST = 1e-30  # a temperature below which numbers of 32 bits can't be divided: it is as 0


@dataclass(frozen=True)
class SamplingConfig:
    """How symbols are sampled from the predicted distribution.

    temperature: the exponent is its inverse, `p^(1/temperature)`; 0 takes the most probable symbol
    top_k: sample from the k most probable symbols; 0 for all
    top_p: sample from the most probable symbols with this total probability (Holtzman et al. 2020)
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def probabilities(self, logs: Tensor) -> Tensor:
        """The probabilities to sample by, of `ln p` of V symbols.

        >>> SamplingConfig(top_k=2).probabilities(torch.tensor([0.1, 0.5, 0.4]).log())
        tensor([0.0000, 0.5556, 0.4444])
        """
        if self.temperature < COLDEST:
            return torch.nn.functional.one_hot(logs.argmax(), len(logs)).to(logs.dtype)
        probabilities = torch.softmax((logs - logs.max()) / self.temperature, dim=-1)
        descending, order = probabilities.sort(descending=True, stable=True)
        is_candidate = descending.cumsum(0) - descending < self.top_p  # the total before a symbol
        is_candidate[0] = True
        if self.top_k:
            is_candidate[self.top_k :] = False
        probabilities[order[~is_candidate]] = 0
        return probabilities / probabilities.sum()


def sample(
    model: NextSymbol,
    prime: Sequence[int],
    config: SamplingConfig,
    generator: torch.Generator,
    never: int | None = None,
) -> Iterator[int]:
    """Samples the symbols that continue a prime, without end.

    generator: on the CPU, for a model on any device
    never: a symbol that is not sampled, such as the unknown one
    """
    symbols = torch.tensor([list(prime)], device=model.device)
    state = None
    while True:
        with torch.inference_mode():
            logs, state = model.next(symbols, state)
            logs = logs[0].cpu()
            require_no_nan(logs, "the probabilities of the next symbol")
            if never is not None:
                logs[never] = -torch.inf
            sampled = torch.multinomial(config.probabilities(logs), 1, generator=generator)
        symbols = sampled.unsqueeze(0).to(model.device)
        yield int(sampled)


def generate_text(
    model: NextSymbol,
    tokenizer: StreamTokenizer,
    prime: str,
    config: SamplingConfig,
    generator: torch.Generator,
) -> Iterator[str]:
    """Samples the text that continues a prime, symbol by symbol; a character is returned when complete.

    A line break precedes the prime, because models know the beginning of a line better than that of a text.

    Raises: `GatewiseError` where the prime has unknown characters.
    """
    begin = [*_line_break(tokenizer), *tokenizer.encode_prime(prime).tolist()] or [len(tokenizer) - 1]
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    for symbol in sample(model, begin, config, generator, tokenizer.unknown):
        yield decoder.decode(tokenizer.to_bytes(symbol))


def _line_break(tokenizer: StreamTokenizer) -> list[int]:
    """A line break, if the tokenizer has one."""
    return [symbol for symbol in tokenizer.encode(b"\n").tolist() if symbol != tokenizer.unknown]
