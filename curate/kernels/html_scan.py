"""One pass over the bytes of a page, without a tree: blocks of text, and the elements that they stand in.

After the experiment behind `curate/stages/markup_model.md`: tag names by a hash table, a stack with implied ends, attributes read of
block elements only, text by `html_text.py`. Kinds of tags: *block* breaks the text and pushes an element; *raw* (script, style,
svg, select …) is passed over to its end tag; *inline* leaves no record, but `a` sets a flag, the second `br` in a row breaks the text,
`img` is noted with address and alternative text, `math` becomes its TeX between dollars where the page has it; readings of `ruby` go (`rt` and `rp`
to the next tag), since they would stand between the characters of the text.
Bounds: every search for an end that does not come is made once a page; the stack holds 512 elements, deeper ones are counted and
belong to the 512th; where blocks or elements run out of room, text goes on in the last ones. So time is linear in the bytes.
Misses: what the tree builder of HTML moves about (text in tables, misnested formatting), frames, anything that a script writes.
Price: 400 MB/s. Slow twin: tests/naive_html.py.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_attributes import FNV, OF_BLOCK, OF_IMAGE, OF_ROOT, PRIME, SKIP, attributes, find, is_white, lower, tag_end
from curate.kernels.html_raw import read_math, read_meta, read_raw
from curate.kernels.html_text import broken, line_break, put, text
from curate.kernels.pointers import pointer


@njit(nogil=True, cache=True)
def _name(page, data, out, i):
    """(tag id, byte after the name) of the name at `i`."""
    n = page.state[ht.BYTES]
    key, dash = FNV, False
    while i < n and data[i] != 62 and data[i] != 47 and not is_white(data[i]):
        key = (key ^ np.uint64(lower(data[i]))) * PRIME
        dash = dash or data[i] == 45
        i += 1
    mask = np.uint64(len(ht.TAG_KEYS) - 1)
    slot = key & mask
    while ht.TAG_KEYS[slot] != np.uint64(0):
        if ht.TAG_KEYS[slot] == key:
            return np.int64(ht.TAG_IDS[slot]), i
        slot = (slot + np.uint64(1)) & mask
    return np.int64(ht.CUSTOM if dash else 0), i


@njit(nogil=True, cache=True)
def _popped(page, data, out):
    """Takes the top element from the stack; the root stays."""
    state = page.state
    if state[ht.SIZE] <= 1:
        return
    size = state[ht.SIZE] - 1
    state[ht.SIZE] = size
    element, tag = page.stack[size, 0], page.stack[size, 1]
    page.elements[element, ht.LAST] = state[ht.NUM_BLOCKS]
    page.opened[tag] -= 1
    state[ht.PRES] -= tag == ht.PRE
    if state[ht.LINK] > size:
        state[ht.LINK] = 0


@njit(nogil=True, cache=True)
def _close_to(page, data, out, depth):
    """Pops until `depth` elements are left."""
    while page.state[ht.SIZE] > depth:
        _popped(page, data, out)


@njit(nogil=True, cache=True)
def _implied(page, data, out, tag):
    """Ends that the start of `tag` implies: a block ends a paragraph; list items, terms, cells, rows and row groups end their like."""
    state, stack, opened = page.state, page.stack, page.opened
    if tag != ht.CUSTOM and stack[state[ht.SIZE] - 1, 1] == ht.P:
        _popped(page, data, out)
    if tag == ht.LI and opened[ht.LI]:
        a, b, c, stop, stop_2, stop_3 = ht.LI, ht.LI, ht.LI, ht.UL, ht.OL, ht.MENU
    elif (tag == ht.DT or tag == ht.DD) and opened[ht.DT] + opened[ht.DD]:
        a, b, c, stop, stop_2, stop_3 = ht.DT, ht.DD, ht.DD, ht.DL, ht.DL, ht.DL
    elif (tag == ht.TD or tag == ht.TH) and opened[ht.TD] + opened[ht.TH]:
        a, b, c, stop, stop_2, stop_3 = ht.TD, ht.TH, ht.TH, ht.TR, ht.TABLE, ht.TABLE
    elif tag == ht.TR and opened[ht.TR]:
        a, b, c, stop, stop_2, stop_3 = ht.TR, ht.TR, ht.TR, ht.TABLE, ht.TABLE, ht.TABLE
    elif (tag == ht.TBODY or tag == ht.THEAD or tag == ht.TFOOT) and opened[ht.THEAD] + opened[ht.TBODY] + opened[ht.TFOOT]:
        a, b, c, stop, stop_2, stop_3 = ht.TBODY, ht.THEAD, ht.TFOOT, ht.TABLE, ht.TABLE, ht.TABLE
    else:
        return
    barrier = tag == ht.LI or tag == ht.DT or tag == ht.DD  # lists inside a cell are on their own
    for depth in range(state[ht.SIZE] - 1, 0, -1):
        found = stack[depth, 1]
        if found in (a, b, c):
            _close_to(page, data, out, depth)
            return
        if found in (stop, stop_2, stop_3) or (barrier and (found == ht.TD or found == ht.TH or found == ht.TABLE)):
            return


@njit(nogil=True, cache=True)
def _is_table_part(tag):
    return (
        tag == ht.TD
        or tag == ht.TH
        or tag == ht.TR
        or tag == ht.TBODY
        or tag == ht.THEAD
        or tag == ht.TFOOT
        or tag == ht.TABLE
        or tag == ht.CAPTION
    )


@njit(nogil=True, cache=True)
def _is_box(tag):
    """The elements whose depths `nesting` sums, as `curate.kernels.nesting` does."""
    return tag == ht.DIV or tag == ht.ARTICLE or tag == ht.UL or tag == ht.OL


@njit(nogil=True, cache=True)
def _end_tag(page, data, out, tag):
    """The end of a block element: closes the nearest of that name, but reaches neither out of a cell nor out of a table or list."""
    state, stack = page.state, page.stack
    if tag == ht.BODY or tag == ht.HTML:
        return
    broken(page, data, out)
    if _is_box(tag):
        state[ht.BOXES] = max(0, state[ht.BOXES] - 1)
    if state[ht.OVER] > 0:
        state[ht.OVER] -= 1
        return
    if page.opened[tag] == 0:
        return
    part = _is_table_part(tag)
    for depth in range(state[ht.SIZE] - 1, 0, -1):
        found = stack[depth, 1]
        if found == tag:
            _close_to(page, data, out, depth)
            return
        if (
            found == ht.TABLE
            or (not part and (found == ht.TD or found == ht.TH))
            or (tag == ht.LI and (found == ht.UL or found == ht.OL or found == ht.MENU))
        ):
            return


@njit(nogil=True, cache=True)
def _start_block(page, data, out, tag, i):
    """A block element begins: its row, its tokens, its place on the stack; returns the byte after the tag."""
    state = page.state
    broken(page, data, out)
    if _is_box(tag):
        state[ht.BOXES] += 1
        state[ht.NESTING] += state[ht.BOXES]
    if state[ht.OVER] == 0:
        _implied(page, data, out, tag)
    row = state[ht.NUM_ELEMENTS]
    if state[ht.OVER] > 0 or state[ht.SIZE] == ht.MAX_STACK or row == len(page.elements):
        state[ht.OVER] += 1
        return attributes(page, data, out, i, SKIP, 0)
    element = page.elements[row]
    element[:] = 0
    element[ht.TAG] = tag
    element[ht.PARENT] = page.stack[state[ht.SIZE] - 1, 0]
    element[ht.FIRST] = element[ht.LAST] = state[ht.NUM_BLOCKS]
    element[ht.TOKENS] = state[ht.NUM_TOKENS]
    element[ht.DEPTH] = state[ht.SIZE]
    i = attributes(page, data, out, i, OF_ROOT if tag == ht.HTML else OF_BLOCK, row)
    element[ht.TOKENS_END] = state[ht.NUM_TOKENS]
    state[ht.NUM_ELEMENTS] += 1
    page.stack[state[ht.SIZE], 0] = row
    page.stack[state[ht.SIZE], 1] = tag
    page.opened[tag] += 1
    state[ht.SIZE] += 1
    state[ht.PRES] += tag == ht.PRE
    return i


@njit(nogil=True, cache=True, inline="always")
def _special(page, data, out, tag, i):
    """Start tags of hr, br, a, img, meta, math, rt and rp."""
    state = page.state
    if tag == ht.MATH:
        return read_math(page, data, out, i)
    if tag == ht.META:
        return read_meta(page, data, out, i)
    if tag == ht.BR:
        line_break(page, data, out)
    elif tag == ht.A:
        state[ht.LINK] = state[ht.SIZE]
        if state[ht.OPEN]:
            page.blocks[state[ht.NUM_BLOCKS], ht.LINKS] += 1
    elif tag == ht.RT or tag == ht.RP:
        i = attributes(page, data, out, i, SKIP, 0)
        while i < state[ht.BYTES] and data[i] != 60:
            i += 1
        return i
    elif tag == ht.IMG:
        row = state[ht.NUM_IMAGES]
        if row < len(page.images):
            page.images[row] = 0
            i = attributes(page, data, out, i, OF_IMAGE, row)
            page.images[row, ht.BEFORE] = state[ht.NUM_BLOCKS]
            state[ht.NUM_IMAGES] += page.images[row, ht.SRC_END] > page.images[row, ht.SRC]
            return i
    else:
        broken(page, data, out)
        if state[ht.OVER] == 0 and page.stack[state[ht.SIZE] - 1, 1] == ht.P:
            _popped(page, data, out)
    return attributes(page, data, out, i, SKIP, 0)


@njit(nogil=True, cache=True)
def _declared(page, data, out, i):
    """`<!` or `<?`: a comment goes to its `-->` (or `--!>`), or to the next `>` where that does not come; anything else to the next
    `>`."""
    state = page.state
    n = page.state[ht.BYTES]
    if i + 3 < n and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45 and state[ht.NO_COMMENT] == 0:
        if i + 4 < n and data[i + 4] == 62:
            return i + 5
        j = i + 4
        while True:
            j = find(page, data, 62, j)
            if j < 0:
                state[ht.NO_COMMENT] = 1
                break
            if (data[j - 1] == 45 and data[j - 2] == 45) or (
                data[j - 1] == 33 and data[j - 2] == 45 and data[j - 3] == 45 and j - 3 > i + 3
            ):
                return j + 1
            j += 1
    return tag_end(page, data, i)


@njit(nogil=True, cache=True, inline="always")
def _tag(page, data, out, i):
    """What begins with the `<` at `i`; returns the byte after it."""
    n = page.state[ht.BYTES]
    first = data[i + 1] if i + 1 < n else np.uint8(0)
    closes = first == 47
    letter = lower(data[i + 2]) if closes and i + 2 < n else lower(first)
    if letter >= 97 and letter <= 122:
        tag, after = _name(page, data, out, i + 2 if closes else i + 1)
        kind = ht.KINDS[tag]
        if kind == ht.BLOCK and not closes:
            return _start_block(page, data, out, tag, after)
        if kind == ht.BLOCK:
            _end_tag(page, data, out, tag)
        elif closes and tag == ht.A:
            page.state[ht.LINK] = 0
        elif closes and tag == ht.BR:
            line_break(page, data, out)
        elif closes:
            pass
        elif kind == ht.RAW:
            return read_raw(page, data, out, tag, after)
        elif kind != 0:
            return _special(page, data, out, tag, after)
        return attributes(page, data, out, after, SKIP, 0)
    if closes or first == 33 or first == 63:
        return _declared(page, data, out, i)
    put(page, data, out, np.int64(60), i)
    return i + 1


@njit(nogil=True, cache=True, inline="always")
def _read(page, data, out):
    """Reads the page; data and out are pointers from here on. Part of `scan`, its only caller, so that all it calls is compiled once less."""
    i, n = np.int64(0), page.state[ht.BYTES]
    while i < n:
        i = text(page, data, out, i, n)
        if i < n:
            i = _tag(page, data, out, i)
    broken(page, data, out)
    page.state[ht.NUM_BLOCKS] += page.state[ht.OPEN]  # the last one, where there was no room for another
    page.state[ht.OPEN] = 0
    _close_to(page, data, out, 1)


@njit(nogil=True, cache=True)
def scan(page, data, out, open_noscript):
    """Reads data (valid UTF-8) into out, blocks, elements, tokens and images; counts stand in page.state. Element 0 is the
    document. open_noscript: read `noscript` and `template` as if they were not there."""
    state = page.state
    state[:] = 0
    page.opened[:] = 0
    page.lost[:] = 0
    page.elements[0] = 0
    page.stack[0] = 0
    state[ht.NUM_ELEMENTS] = state[ht.SIZE] = 1
    state[ht.OPEN_NOSCRIPT] = open_noscript
    state[ht.BYTES] = len(data)
    _read(page, pointer(data), pointer(out))
    page.elements[0, ht.LAST] = state[ht.NUM_BLOCKS]
