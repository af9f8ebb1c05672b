"""Word boundaries against those that `regex` finds, cases written from the rules of UAX #29, and scripts without spaces."""

import itertools

import naive_words
import numpy as np
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_words import ANY_TEXT, column

from curate.kernels import word_classes
from curate.kernels.word_breaks import word_ends

BY_CLASS = {}
for _code in [*range(0xD800), *range(0xE000, 0x110000, 3)]:
    BY_CLASS.setdefault((int(word_classes.breaks()[_code]), int(word_classes.spaceless()[_code])), []).append(_code)
EACH = st.one_of(*(st.sampled_from(codes).map(chr) for codes in BY_CLASS.values()))
SPACELESS = st.one_of(*(st.sampled_from(codes).map(chr) for (_, kind), codes in BY_CLASS.items() if kind))
MIXED = st.lists(st.one_of(EACH, SPACELESS, ANY_TEXT), max_size=12).map("".join)


def split(texts, joined=False):
    offsets, data = column(texts)
    bounds, ends = np.zeros(len(texts) + 1, dtype=np.int64), np.zeros(len(data), dtype=np.uint32)
    word_ends(offsets, data, word_classes.breaks(), word_classes.spaceless(), joined, bounds, ends)
    cuts = [[0, *ends[bounds[row] : bounds[row + 1]]] for row in range(len(texts))]
    return [[text.encode()[a:b].decode() for a, b in itertools.pairwise(cut)] for text, cut in zip(texts, cuts, strict=True)]


# One case a rule, in its words: ÷ is a boundary.
RULES = {
    "WB3": "a÷\r\n÷\u0308÷\r÷\r\n÷\n",
    "WB3c": "👩\u200d👩\u200d👧÷👧÷a\u200d🄰",
    "WB3d": "a÷  ÷\n÷\u2003 ÷b÷ \u0308÷ ",
    "WB4": "a\u0308b\u00adc÷ ÷\u30ab\u200d\u30bf",
    "WB5": "naïve÷ ÷straße",
    "WB6 WB7": "can't÷ ÷a.b:c·d÷.÷ ÷a÷:÷:÷b÷'÷ ÷e\u0301'\u0301e",
    "WB7a": "א'÷ ÷א'א",
    "WB7b WB7c": 'א"א÷"÷a',
    "WB8 WB9 WB10": "32a4b",
    "WB11 WB12": "3.2,1÷,÷ ÷3÷,÷,÷4÷:÷5÷ ÷3'2÷;÷ ÷3;2",
    "WB13": "カタカナ÷漢÷字",
    "WB13a WB13b": "a_1_カ÷ ÷__",
    "WB15 WB16": "🇩🇪🇫🇷÷🇮".replace("🇪🇫", "🇪÷🇫") + "÷a÷🇩🇪",
    "WB999": "あ÷い÷ไ÷ท÷ย÷!÷?",
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule(rule):
    words = RULES[rule].split("÷")
    assert split(["".join(words)]) == [words] == [naive_words.default("".join(words))]


SYLLABLES = {
    "Chinese": "研|究|生|命|起|源|。|人々",
    "Japanese": "ありがとう|東|京|都|に|住|む|ラーメン|らーめん|カ\u3099",
    "Thai": "ส|วั|ส|ดี|เท|ศ|ไท|ย|สิ|ท|ธิ์| |ทำ|ต่า|งๆ",
    "Lao": "ພາ|ສາ|ລາ|ວ|ແມ່|ນ",
    "Khmer": "ភា|សា|ខ្មែ|រ|ព្រះ|ក្រ",
    "Burmese": "မြန်|မာ|ဘာ|သာ|အင်္ဂ|လိပ်",
}


@pytest.mark.parametrize("language", SYLLABLES)
def test_a_script_without_spaces(language):
    words = SYLLABLES[language].split("|")
    assert split(["".join(words)], joined=True) == [words]
    assert [len(each) for each in split(["".join(words)])] >= [len(words)]  # only boundaries leave


@settings(max_examples=120, deadline=None)
@given(st.lists(MIXED, max_size=3))
def test_boundaries_are_those_of_unicode(texts):
    assert split(texts) == [naive_words.default(text) for text in texts]


@settings(max_examples=120, deadline=None)
@given(st.lists(MIXED, max_size=3))
def test_what_is_joined_is_that_of_the_twin(texts):
    assert split(texts, joined=True) == [naive_words.joined(text) for text in texts]


def test_awkward_texts():
    texts = [text for text in TEXTS if text is not None]
    assert split(texts) == [naive_words.default(text) for text in texts]
    assert split(texts, joined=True) == [naive_words.joined(text) for text in texts]


def test_the_table_is_of_the_unicode_it_says():
    regex = pytest.importorskip("regex")
    for code in range(0, 0x110000, 23):
        if not 0xD800 <= code < 0xE000:
            name = ("Other", *word_classes._BREAKS)[word_classes.breaks()[code] & word_classes.VALUE]
            assert regex.match(rf"\p{{WB={name}}}", chr(code)), hex(code)
