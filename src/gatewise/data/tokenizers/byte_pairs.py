"""Byte pairs (Sennrich et al. 2016), trained and applied by HuggingFace's tokenizers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gatewise.errors import GatewiseError


def train_byte_pairs(texts: Iterable[str], size: int, *, prefix_space: bool) -> str:
    """Merges the most frequent pairs of texts until there are `size` tokens.

    The 256 bytes are always tokens, so that no text is unknown.

    prefix_space: whether a text is read as if it began with a space, so that all words are alike

    Returns: the model as JSON
    """
    library = tokenizers_library("bytes")
    levels = library.pre_tokenizers.ByteLevel
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = levels(add_prefix_space=prefix_space)
    tokenizer.decoder = library.decoders.ByteLevel()
    alphabet = sorted(levels.alphabet())
    trainer = library.trainers.BpeTrainer(
        vocab_size=max(size, len(alphabet)), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())


def load_byte_pairs(model: str, alternative: str = "bytes") -> Any:
    """The tokenizer of a model in JSON; `alternative` as in `tokenizers_library`."""
    return tokenizers_library(alternative).Tokenizer.from_str(model)


def tokenizers_library(alternative: str) -> Any:
    """The library. Raises: `GatewiseError` if it is not installed.

    alternative: the value of `--tokenizer` that needs no library, for the message
    """
    try:
        import tokenizers
    except ImportError as error:
        raise GatewiseError(
            "byte pairs need HuggingFace's tokenizers: pip install 'gatewise[text]', or give "
            f"--tokenizer {alternative}"
        ) from error
    return tokenizers
