"""Texts of which some are near copies of each other, for tests of duplicates over several runs."""

import random


def texts():
    """Families of texts that differ in some words, so that similarity is no equivalence; some exact copies."""
    rng = random.Random(5)

    def word():
        return "".join(rng.choice("abcdefghij") for _ in range(5))

    made = []
    for _ in range(25):
        base = [word() for _ in range(60)]
        for _ in range(rng.randint(1, 9)):
            words = list(base)
            for place in rng.sample(range(60), rng.choice([0, 0, 1, 2, 3])):
                words[place] = word()
            made.append(" ".join(words))
    rng.shuffle(made)
    return [*made, "two words", "two words", "…"]
