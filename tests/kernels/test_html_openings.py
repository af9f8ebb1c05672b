"""The words with which small print begins."""

import re

import numpy as np
import pytest

from curate.kernels.html_openings import OPENINGS, WORDS, opening


def found(text, start=0):
    bits = opening(np.frombuffer(text.encode() + b"read", np.uint8), start, len(text.encode()))
    return {name for at, name in enumerate(OPENINGS) if bits >> at & 1}


@pytest.mark.parametrize(
    ("text", "lists"),
    [
        ("Read more: Looted art", {"more"}),
        ("LEA TAMBIÉN: Impiden", {"more"}),
        ("Crédits photos : Bestimage", {"credit"}),
        ("(Foto: dpa)", {"credit"}),
        ("Subscribe now to our edition", {"call"}),
        ("Posted by Ann, 3 comments", {"meta"}),
        ("The cat sat by the fire", set()),
        ("相关阅读：海湾里的船", {"more"}),
        ("2023", set()),
        ("", set()),
    ],
)
def test_the_first_words_tell(text, lists):
    assert found(text) == lists
    assert found("Photo\n" + text, start=6) == lists


def test_every_listed_word_is_found_in_each_of_the_first_places_and_not_behind_them():
    for name, words in OPENINGS.items():
        for word in words.split():
            assert re.fullmatch(r"[^\W\d_]+", word), word
            for before in range(WORDS):
                assert name in found("qq " * before + word)
            assert not found("qq " * WORDS + word)
