"""Slow twins of the pre-token and BPE kernels: regular expressions, dictionaries and lists."""

import itertools
import re
from collections import Counter
from functools import lru_cache

from curate.kernels.pretoken_states import LETTER, NUMBER, SPACE
from curate.tokenizer.pretokenize import GPT2_REGEX, GPT4_REGEX
from curate.tokenizer.unicode_classes import classes


def ranges(kind):
    """The code points of a class as the inside of a character set."""
    table = [*classes().tolist(), -1]
    starts = [c for c in range(0x110000) if table[c] == kind and (c == 0 or table[c - 1] != kind)]
    ends = [c for c in range(0x110000) if table[c] == kind and table[c + 1] != kind]
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in zip(starts, ends, strict=True))


@lru_cache
def expression(pattern):
    """The pattern with Unicode properties written out, since `re` has none."""
    text = (GPT2_REGEX if pattern == "gpt2" else GPT4_REGEX).replace(r"\S", f"[^{ranges(SPACE)}]")
    text = text.replace(r"[^\s\p{L}\p{N}]", rf"[^{ranges(SPACE)}\p{{L}}\p{{N}}]").replace(r"\s", f"[{ranges(SPACE)}]")
    text = re.sub(r"(?<=[ ?|])\\p\{L\}\+", r"[\\p{L}]+", text)
    text = re.sub(r"(?<=[ ?|])\\p\{N\}", r"[\\p{N}]", text)
    return re.compile(text.replace(r"\p{L}", ranges(LETTER)).replace(r"\p{N}", ranges(NUMBER)))


def split(text, pattern):
    """Pre-tokens by regular expression."""
    return [found.group() for found in expression(pattern).finditer(text)]


def train(words, first, vocab_size, min_count):
    """Merges from {word as tuple of ids: count}; `first` lists the first tokens as bytes. As `BpeTrainer` does it, see
    curate/kernels/bpe.py."""
    tokens = list(first)
    words = [[list(word), count] for word, count in sorted(words.items())]
    counts, queue, merges = Counter(), [], []
    gained = {}
    for number, (word, count) in enumerate(words):
        for pair in itertools.pairwise(word):
            counts[pair] += count
            gained.setdefault(pair, set()).add(number)
    while True:
        queue += [[pair, counts[pair], len(merges), where] for pair, where in gained.items() if counts[pair] > 0]
        for candidate in queue:
            candidate[1] = counts[candidate[0]]
        if len(tokens) >= vocab_size or not queue:
            return tokens, merges
        best = min(queue, key=lambda c: (-c[1], c[0], c[2]))
        queue.remove(best)
        (left, right), count, _, where = best
        if count < max(min_count, 1):
            return tokens, merges
        whole = tokens[left] + tokens[right]
        if whole not in tokens:
            tokens.append(whole)
        made = tokens.index(whole)
        merges.append((left, right, made))
        gained = {}
        for number in sorted(where):
            merge_word(words[number], number, (left, right), made, counts, gained)


def merge_word(entry, number, pair, made, counts, gained):
    """Replace the pair in one word from the left; count what goes and what comes."""
    word, weight = entry
    done, rest = [], list(word)
    while rest:
        if tuple(rest[:2]) != pair:
            done.append(rest.pop(0))
            continue
        rest = rest[2:]
        for gone, come in [((done[-1], pair[0]), (done[-1], made))] if done else []:
            counts[gone] -= weight
            counts[come] += weight
            gained.setdefault(come, set()).add(number)
        for gone, come in [((pair[1], rest[0]), (made, rest[0]))] if rest else []:
            counts[gone] -= weight
            counts[come] += weight
            gained.setdefault(come, set()).add(number)
        done.append(made)
    entry[0] = done


def encode(word, byte_ids, ranks):
    """Ids of one pre-token (bytes): the pair of lowest rank first, of equal ones the leftmost. ranks: {(left, right): (rank, made)}."""
    ids = [byte_ids[b] for b in word]
    while True:
        found = [(ranks[pair][0], i) for i, pair in enumerate(itertools.pairwise(ids)) if pair in ranks]
        if not found:
            return ids
        _, i = min(found)
        ids[i : i + 2] = [ranks[ids[i], ids[i + 1]][1]]
