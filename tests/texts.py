"""Small made texts that tests learn from."""

import random

WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "then", "it", "ran", "to", "its", "box", "of", "yarn")


def words(characters, seed=0, alphabet=WORDS):
    """Sentences of words drawn one after another, of about the given number of characters."""
    random_words, text = random.Random(seed), ""
    while len(text) < characters:
        text += " ".join(random_words.choices(alphabet, k=random_words.randint(3, 8))) + ".\n"
    return text
