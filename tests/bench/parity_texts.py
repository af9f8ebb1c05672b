"""Texts made for rules of which pages and prose hold few or none: each some steps around its limit, so that both sides of it are seen.

The same texts on every machine: they come from a seed and a small vocabulary.
"""

import random

COMMON = """
the of and to a in that it is was for on with as be have this not but from they we she or
an will my one all would there their what so up out if about who get which go when make can like time no
just him know take people into year your good some could them see other than then now look only come over think also back
after use two how our work first well way even new want because any these give day most us house river letter garden morning
"""
VOCABULARY = COMMON.split()


def prose(rng, words):
    """Sentences of common words."""
    made = []
    while words > 0:
        size = min(words, rng.randint(6, 18))
        sentence = [rng.choice(VOCABULARY) for _ in range(size)]
        made.append(" ".join(sentence).capitalize() + rng.choice(".....!?"))
        words -= size
    return made


def mixed(rng, words, marks, mark):
    """Common words with so many marks among them."""
    tokens = [rng.choice(VOCABULARY) for _ in range(words)] + [mark] * marks
    rng.shuffle(tokens)
    return " ".join(tokens) + "."


def lined(rng, lines, odd, form):
    """Lines of prose, `odd` of which are put into `form`."""
    plain = [" ".join(prose(rng, 12)) for _ in range(lines)]
    return "\n".join(form.format(line.rstrip(".!?")) if i < odd else line for i, line in enumerate(plain))


def _lengths(rng):
    for words in (99_998, 99_999, 100_000, 100_001, 100_500):
        yield "long_doc", "word " * words
    for words in range(44, 57):
        yield "short_doc", " ".join(prose(rng, words))
    for words in (20, 49, 50, 51):
        yield "short_doc", " ".join(prose(rng, words)) + ' (and "more") 50% of 3.5km isn\'t it? e.g. at 10:30 a.m.'
    for chars in (1, 2, 3, 4, 9, 10, 11, 12, 14):
        tokens = ["".join(rng.choice("abcdefghij") for _ in range(max(1, chars + rng.choice((-1, 0, 0, 1))))) for _ in range(80)]
        yield "word_length", " ".join(tokens)


def _marks(rng):
    for mark, name in (("#", "hashes"), ("...", "ellipses"), ("…", "ellipses"), ("#tag", "hashes"), ("wait...", "ellipses")):
        for marks in (4, 6, 7, 8, 9, 10, 14):
            yield name, mixed(rng, 60, marks, mark)


def _lines(rng):
    for form, name in (("{}...", "end_ellipses"), ("{}…", "end_ellipses"), ("- {}.", "bullets"), ("• {}", "bullets"), ("  -{}", "bullets")):
        for odd in (0, 2, 3, 4, 8, 9, 10) if name == "end_ellipses" else (8, 9, 10):
            yield name, lined(rng, 10, odd, form)
    for words in (1, 2, 3, 4, 5):
        yield "list_like", "\n".join(" ".join(rng.choice(VOCABULARY) for _ in range(words)) for _ in range(40))
    for ends in range(6):
        yield "line_ends", "\n".join(" ".join(prose(rng, 9)).rstrip(".!?") + ("." if i < ends else "") for i in range(20))


def _empties():
    for text in ("", " ", "\n", "\n\n\n", "\t \n ", "\u00a0\n\u2003", "\x0b\x0c\n\x1c"):
        yield "empty", text


def _c4(rng):
    whole = prose(rng, 120)
    for phrase in (
        "Lorem ipsum dolor sit amet, and so on.",
        "This is lorem IPSUM of the page.",
        "lorem  ipsum with two blanks.",
        "lorem ipsum",
        "Lorem\nipsum is here now.",
    ):
        for place in (0, 4, len(whole)):
            yield "lorem_ipsum", "\n".join([*whole[:place], phrase, *whole[place:]])
    for line in ("function() { return it; }", "{ }", "a { b", "use { this } now please", "javascript: { and } is here"):
        for place in (0, len(whole)):
            yield "curly_bracket", "\n".join([*whole[:place], line, *whole[place:]])
    for sentences in range(2, 9):
        yield "sentences", "\n".join(prose(rng, 400)[:sentences])
        yield "sentences", " ".join(prose(rng, 400)[:sentences])


def _repeats(rng):
    for copies in (2, 3, 4, 5, 7):
        pieces = prose(rng, 150)
        yield "paragraphs", "\n\n".join([*pieces[:6], *[pieces[0]] * copies])
        yield "lines", "\n".join([*pieces[:8], *[pieces[1]] * copies])
        yield "grams", " ".join(pieces) + (" " + pieces[2]) * copies
        yield "top_grams", " ".join(pieces[:4]) + " over and over" * (2 * copies)
    for stops in (0, 1, 2, 3):
        tokens = ["garden", "river", "letter", "morning"] * 20 + ["the", "of", "and"][:stops]
        rng.shuffle(tokens)
        yield "stop_words", " ".join(tokens) + "."
    for odd in (15, 18, 19, 20, 21, 25):
        yield "letters", mixed(rng, 80, odd, "42")


def made(seed=1):
    """{name: text}."""
    rng = random.Random(seed)
    texts = [*_lengths(rng), *_marks(rng), *_lines(rng), *_empties(), *_c4(rng), *_repeats(rng)]
    return {f"made/{rule} {number}": text for number, (rule, text) in enumerate(texts)}
