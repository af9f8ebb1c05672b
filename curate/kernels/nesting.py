"""How deeply a page nests its boxes, before a parser has to find out.

Main-content rules look at the ancestors of every box, and nested lists are indented by their depth, so that 100 kB of `<div>` can cost
hours and 100 kB of `<ul>` gigabytes. The sum of depths bounds both. Naive twin: tests/naive_text.py.
"""

import numpy as np

from curate.kernels.compiled import njit

_TAGS = (b"div", b"article", b"ul", b"ol")
TAG_BYTES = np.frombuffer(b"".join(_TAGS), dtype=np.uint8).copy()
TAG_ENDS = np.cumsum([0] + [len(t) for t in _TAGS]).astype(np.int64)


@njit(nogil=True, cache=True)
def nesting(data, tag_bytes, tag_ends):
    """Σ over start tags of div, article, ul and ol of the number of those open at that point, the tag itself included.

    data: uint8[n], lower-case UTF-8 of the page; tag_bytes, tag_ends: TAG_BYTES and TAG_ENDS. An end tag closes one box, whatever its name.
    """
    n = len(data)
    total = 0
    depth = 0
    i = 0
    while i < n - 2:
        if data[i] != 60:  # <
            i += 1
            continue
        i += 1
        closes = data[i] == 47  # /
        at = i + 1 if closes else i
        for tag in range(len(tag_ends) - 1):
            size = tag_ends[tag + 1] - tag_ends[tag]
            if at + size >= n:
                continue
            same = True
            for j in range(size):
                if data[at + j] != tag_bytes[tag_ends[tag] + j]:
                    same = False
                    break
            after = data[at + size]
            if same and (after == 62 or after == 47 or after == 32 or (after >= 9 and after <= 13)):
                if closes:
                    depth = max(0, depth - 1)
                else:
                    depth += 1
                    total += depth
                break
    return total
