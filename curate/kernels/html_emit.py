"""Kept blocks to text: paragraphs, list items, rows of tables, code.

Blank lines stand between paragraphs. Items of a list, terms and rows of a table stand in lines of their own; an item begins with `- `,
two spaces for each list around it. The cells of a row are joined by tabs, empty ones too. `pre` is as it was written.
As Markdown: `#` for headings, `1.` in ordered lists, `|` for tables, fences for code, `>` for quotations; characters with a meaning in Markdown
stay as they are.
A cell that holds several blocks or a table, and a row with text outside of its cells, belong to a page laid out by a table: their blocks are paragraphs.
So are items of more than two blocks.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit

ROW, ITEM, DEEP, ORDINAL, CODE, QUOTED, GRID, TERMS = range(8)
PLACE_COLUMNS = 8
MAX_ROW_UNITS, MAX_ITEM_UNITS, MAX_INDENT = 1500, 1000, 8
NEW_LINE, SPACE, TAB, DASH, HASH, PIPE, TICK, MORE = 10, 32, 9, 45, 35, 124, 96, 62


@njit(nogil=True, cache=True)
def _cells(page, cells, held, tables):
    """By element, all int32[elements]: cells that are its children, blocks in those, and tables with text somewhere in it."""
    for element in range(page.state[ht.NUM_ELEMENTS] - 1, 0, -1):
        row = page.elements[element]
        tag, parent, blocks = row[ht.TAG], row[ht.PARENT], row[ht.LAST] - row[ht.FIRST]
        if tag == ht.TD or tag == ht.TH:
            cells[parent] += 1
            held[parent] += blocks
        tables[parent] += tables[element] + (tag == ht.TABLE and blocks > 0)


@njit(nogil=True, cache=True)
def places(page, sums, place):
    """Fills place int32[elements, 8]: the row, item, list depth, number in the list, `pre`, quotation, table and `dl` that each element is in;
    0 for none. What stands in a row is part of it, `pre` and quotations too. sums: int64[blocks + 1], units before each block."""
    n = page.state[ht.NUM_ELEMENTS]
    cells, held, tables = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    items, direct = np.zeros(n, np.int32), np.zeros(n, np.int32)
    _cells(page, cells, held, tables)
    for b in range(page.state[ht.NUM_BLOCKS]):
        element = np.int64(page.blocks[b, ht.ELEMENT])
        for _ in range(4):
            if page.elements[element, ht.TAG] == ht.LI or element == 0:
                break
            element = np.int64(page.elements[element, ht.PARENT])
        direct[element] += 1
    place[0] = 0
    for element in range(1, n):
        row = page.elements[element]
        tag, parent, here = row[ht.TAG], row[ht.PARENT], place[element]
        here[:] = place[parent]
        units, blocks = sums[row[ht.LAST]] - sums[row[ht.FIRST]], row[ht.LAST] - row[ht.FIRST]
        if tag == ht.TABLE:
            here[GRID], here[ROW], here[ITEM], here[DEEP] = element, 0, 0, 0
        elif tag == ht.TR:
            rows = cells[element] >= 2 and blocks <= cells[element] and blocks == held[element] and tables[element] == 0
            here[ROW] = element if rows and units <= MAX_ROW_UNITS else 0
        elif tag == ht.UL or tag == ht.OL or tag == ht.MENU:
            here[DEEP] += 1
        elif tag == ht.LI:
            items[parent] += 1
            here[ORDINAL] = items[parent] if page.elements[parent, ht.TAG] == ht.OL else 0
            here[ITEM] = element if direct[element] <= 2 and units <= MAX_ITEM_UNITS else 0
        elif tag == ht.PRE and here[ROW] == 0:
            here[CODE] = element if here[CODE] == 0 else here[CODE]
        elif tag == ht.BLOCKQUOTE and here[ROW] == 0:
            here[QUOTED] = 1
        elif tag == ht.DL:
            here[TERMS] = element


@njit(nogil=True, cache=True)
def _copied(out, start, end, made, at, line_end, escaped):
    """Copies a text; line ends become `line_end` where that is not 0, and `escaped` (a byte, or 0) gets a backslash."""
    for i in range(start, end):
        byte = out[i]
        if byte == NEW_LINE and line_end:
            byte = np.uint8(line_end)
        if escaped and byte == escaped:
            made[at] = 92
            at += 1
        made[at] = byte
        at += 1
    return at


@njit(nogil=True, cache=True)
def _row(page, out, element, markdown, made, at, starts):
    """One row of a table: its cells in order, empty ones too."""
    row = page.elements[element]
    first, cells = True, 0
    cell = element + 1
    while cell < page.state[ht.NUM_ELEMENTS] and page.elements[cell, ht.FIRST] <= row[ht.LAST]:
        tag = page.elements[cell, ht.TAG]
        inside = page.elements[cell, ht.PARENT] == element and (tag == ht.TD or tag == ht.TH)
        if page.elements[cell, ht.FIRST] == row[ht.LAST] and not inside:
            break
        if inside:
            cells += 1
            if markdown:
                made[at], made[at + 1] = PIPE, SPACE
                at += 2
            elif not first:
                made[at] = TAB
                at += 1
            first = False
            for b in range(page.elements[cell, ht.FIRST], page.elements[cell, ht.LAST]):
                if b > page.elements[cell, ht.FIRST]:
                    made[at] = SPACE
                    at += 1
                starts[b] = at
                at = _copied(out, page.blocks[b, ht.START], page.blocks[b, ht.END], made, at, SPACE, PIPE if markdown else 0)
            if markdown:
                made[at] = SPACE
                at += 1
        cell += 1
    if markdown:
        made[at] = PIPE
        return at + 1, cells
    while at > 0 and made[at - 1] == TAB:  # empty cells at the end say nothing
        at -= 1
    return at, cells


@njit(nogil=True, cache=True)
def _ruled(cells, made, at):
    """The line under the first row of a Markdown table."""
    made[at] = NEW_LINE
    at += 1
    for _ in range(cells):
        made[at : at + 4] = DASH
        made[at] = PIPE
        at += 4
    made[at] = PIPE
    return at + 1


@njit(nogil=True, cache=True)
def _fence(out, start, end):
    """How many backticks fence a text: one more than its longest run, at least three."""
    most, run = 2, 0
    for i in range(start, end):
        run = run + 1 if out[i] == TICK else 0
        most = max(most, run)
    return most + 1


@njit(nogil=True, cache=True)
def _code(page, out, keep, element, b, markdown, made, at, starts):
    """The blocks of a `pre`, line under line."""
    last = page.elements[element, ht.LAST]
    ticks = _fence(out, page.blocks[b, ht.START], page.blocks[last - 1, ht.END]) if markdown else 0
    made[at : at + ticks] = TICK
    at += ticks
    first = True
    while b < last:
        if keep[b]:
            if not first or markdown:
                made[at] = NEW_LINE
                at += 1
            first = False
            starts[b] = at
            at = _copied(out, page.blocks[b, ht.START], page.blocks[b, ht.END], made, at, 0, 0)
        b += 1
    if markdown:
        made[at] = NEW_LINE
        made[at + 1 : at + 1 + ticks] = TICK
        at += 1 + ticks
    return at


@njit(nogil=True, cache=True)
def _digits(number, made, at):
    """Writes a number in decimal."""
    size, rest = 1, number
    while rest >= 10:
        rest //= 10
        size += 1
    for i in range(size - 1, -1, -1):
        made[at + i] = 48 + number % 10
        number //= 10
    return at + size


@njit(nogil=True, cache=True)
def _marked(page, b, here, fresh, markdown, made, at):
    """What stands before the text of a block: quotation mark, heading sign, indent and mark of an item."""
    tag = page.elements[page.blocks[b, ht.ELEMENT], ht.TAG]
    if markdown and here[QUOTED]:
        made[at], made[at + 1] = MORE, SPACE
        at += 2
    if here[ITEM]:
        indent = 2 * (min(max(here[DEEP], 1), MAX_INDENT) - 1) + (0 if fresh else 2)
        made[at : at + indent] = SPACE
        at += indent
        if fresh and markdown and here[ORDINAL]:
            at = _digits(here[ORDINAL], made, at)
            made[at], made[at + 1] = 46, SPACE
            at += 2
        elif fresh:
            made[at], made[at + 1] = DASH, SPACE
            at += 2
    if markdown and tag >= ht.H1 and tag <= ht.H6:
        level = tag - ht.H1 + 1
        made[at : at + level] = HASH
        made[at + level] = SPACE
        at += level + 1
    return at


@njit(nogil=True, cache=True)
def emit(page, out, keep, place, markdown, made, starts):
    """Writes the kept blocks into made uint8[3 × text + 64 × blocks + 8 × elements + 64];
    starts[b] = where block b begins, -1 where it is left. Returns the size."""
    n = page.state[ht.NUM_BLOCKS]
    starts[:] = -1
    at, b = np.int64(0), np.int64(0)
    grid, item, deep, terms = -1, -1, 0, -1
    while b < n:
        if not keep[b]:
            b += 1
            continue
        here = place[page.blocks[b, ht.ELEMENT]]
        row, code = here[ROW], here[CODE]
        tight = (row and here[GRID] == grid) or (here[ITEM] and item > 0 and deep) or (here[TERMS] and here[TERMS] == terms)
        if at:
            made[at] = NEW_LINE
            at += 1
            if not tight or code:
                made[at] = NEW_LINE
                at += 1
        begins = here[GRID] != grid or not row
        grid = here[GRID] if row else -1
        terms = here[TERMS] if here[TERMS] else -1
        if row:
            at, cells = _row(page, out, row, markdown, made, at, starts)
            if markdown and begins:
                at = _ruled(cells, made, at)
            item, b = -1, np.int64(page.elements[row, ht.LAST])
        elif code:
            at = _code(page, out, keep, code, b, markdown, made, at, starts)
            item, b = -1, np.int64(page.elements[code, ht.LAST])
        else:
            at = _marked(page, b, here, here[ITEM] != item, markdown, made, at)
            starts[b] = at
            heading = (
                page.elements[page.blocks[b, ht.ELEMENT], ht.TAG] >= ht.H1 and page.elements[page.blocks[b, ht.ELEMENT], ht.TAG] <= ht.H6
            )
            at = _copied(out, page.blocks[b, ht.START], page.blocks[b, ht.END], made, at, SPACE if heading or here[ITEM] else 0, 0)
            item, deep = (here[ITEM], here[DEEP]) if here[ITEM] else (-1, 0)
            b += 1
    return at
