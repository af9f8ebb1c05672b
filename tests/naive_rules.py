"""Slow twins of the rules of Dolma, DCLM and MADLAD (curation S15, S17): plain Python, nothing shared with the kernels."""

import re
import unicodedata
from collections import Counter
from statistics import median

import naive_text

STOPS = ["the", "be", "to", "of", "and", "that", "have", "with"]


def kind(c):
    return unicodedata.category(c)


def letter(c):
    return kind(c)[0] == "L"


def solid(word):
    return letter(word[0]) or kind(word[0]) == "Nd"


def ngrams(words, n):
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def chars(words):
    return sum(map(len, words))


def dolma(text, split=str.split):
    words = split(text)
    if not words:
        return {}
    lines, total = text.split("\n"), chars(words)
    counts = Counter(lines)
    out = {
        "num_words": len(words),
        "median_word_length": median(min(len(w), 1024) for w in words),
        "symbol_words": sum("#" in w or "…" in w for w in words) / len(words),
        "alpha_words": sum(any(map(letter, w)) for w in words) / len(words),
        "num_stop_words": sum(w in STOPS for w in words),
        "bullet_lines": sum(line.startswith(("*", "-")) for line in lines) / len(lines),
        "ellipsis_lines": sum(line.endswith("…") for line in lines) / len(lines),
        "dup_lines": sum(n for n in counts.values() if n > 1) / len(lines),
        "dup_line_chars": sum(len(line) * n for line, n in counts.items() if n > 1) / total,
    }
    for n in range(2, 11):
        counts = Counter(ngrams(words, n))
        if n < 5:
            gram, count = counts.most_common(1)[0] if counts else ((), 0)
            out[f"top_{n}_gram"] = count * chars(gram) / total
        else:
            every = sum(chars(gram) * count for gram, count in counts.items())
            out[f"dup_{n}_grams"] = sum(chars(gram) * c for gram, c in counts.items() if c > 1) / every if every else 0
    return out


COUNTER = re.compile(
    r"^\W*\d(?:,|\.|\d)*(?:k|m|b)?\s+"
    r"(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers)\W*$"
)


def dclm(text, wild=False, split=str.split, line_split=str.split):
    words = split(text)
    n = max(len(words), 1)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    many = max(len(lines), 1)
    out = {
        "num_words": sum(map(solid, words)),
        "mean_word_length": chars(words) / n,
        "symbols": sum(text.count(s) for s in ("#", "...", ". . .", "…")) / n,
        "bullet_lines": sum(line.startswith(("●", "•", "*", "-")) for line in lines) / many,
        "ellipsis_lines": sum(line.endswith(("...", ". . .", "…")) for line in lines) / many,
        "alpha_words": sum(any(map(letter, w)) for w in words) / n,
        "num_stop_words": sum(w.lower() in STOPS for w in words),
    }
    kept, dropped, gone = [], 0, 0
    for line in text.split("\n"):
        inside, size = line_split(line), max(len(line), 1)
        upper = sum(kind(c) == "Lu" for c in line) / size > 0.5
        digits = sum(kind(c) == "Nd" for c in line) / size > 0.999999
        if inside and (upper or digits or COUNTER.match(line.lower()) or len(inside) < 2):
            dropped += 1
            gone += sum(map(solid, inside))
            continue
        cut = line
        if len(inside) <= 10:
            cut = re.sub(r"^sign-in", "", cut, flags=re.I | re.A)
            cut = re.sub(r"(?s)read more...\Z" if wild else r"read more\.\.\.\Z", "", cut, flags=re.I | re.A)
            cut = re.sub("items in cart", "", cut, flags=re.I | re.A)
            gone += sum(map(solid, inside)) - sum(map(solid, line_split(cut)))
        kept.append(cut)
    return out | {"lines_dropped": dropped, "words_dropped": gone / max(sum(map(solid, line_split(text))), 1), "text": "\n".join(kept)}


def repetition_dclm(words, text):
    out = {}
    for name, mark in (("paragraph", "\n\n"), ("line", "\n")):
        parts = [p for p in text.split(mark) if p.strip()]
        counts = Counter(parts)
        whole = chars(parts)
        out[f"dup_{name}s"] = sum(n for n in counts.values() if n > 1) / len(parts) if parts else 1.0
        out[f"dup_{name}_chars"] = sum(len(p) * n for p, n in counts.items() if n > 1) / whole if parts else 1.0
    total = max(chars(words), 1)
    for n in range(2, 11):
        counts = Counter(ngrams(words, n))
        top = max(counts.values(), default=0)
        if n < 5:
            best = max((chars(gram) for gram, count in counts.items() if count == top), default=0)
            out[f"top_{n}_gram"] = best * top / total if top > 1 else 0
        else:
            inside = {i + k for i, gram in enumerate(ngrams(words, n)) if counts[gram] > 1 for k in range(n)}
            out[f"dup_{n}_grams"] = sum(len(words[i]) for i in inside) / total
    return out


def c4_tfds(text):
    """(reason or None, the kept text) as the code that built C4 decides, but for sentences, which are ours."""
    kept = []
    for line in text.splitlines():
        line = line.strip()
        if any(len(word) > 1000 for word in line.split()):
            continue
        line = re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line)
        lower = line.lower()
        if not line.endswith((".", "?", "!", '"')) or line.endswith("...") or len(line.split()) < 5:
            continue
        if "lorem ipsum" in lower:
            return "lorem_ipsum", text
        if "javascript" in lower:
            continue
        if "{" in line:
            return "curly_bracket", text
        if not any(phrase in lower for phrase in naive_text._POLICY):
            kept.append(line)
    made = "\n".join(kept).strip()
    return ("too_few_sentences", text) if sum(map(naive_text.sentences, made.split("\n"))) < 3 else (None, made)
