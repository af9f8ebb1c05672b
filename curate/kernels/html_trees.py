"""Between two stages of trees (`html_forest.py`) and after them: the logistic function, what a stage said of a block's surroundings, and the cut.

Leaves are integers; the logistic function is made of additions, multiplications and divisions only. So a page has the same probabilities on
every machine, and they are rounded to 1e-4, before anything is judged by them: from there on they are integers.
The cut maximises the expected F1 of the kept words (Lewis 1995; Ye et al. 2012).
"""

import math

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_names import NUM_ANCESTORS, NUM_FEATURES, S_UNITS
from curate.kernels.pointers import borrowed


def _words(text):
    return text.split()


ONE = 10_000
"""Probabilities are integers: so many to the whole."""
BINS = 256
_SURE = 8_000
_LN2 = 0.6931471805599453
_EXP = tuple(1 / math.factorial(i) for i in range(13, -1, -1))
"""The series of exp, the last term first."""
_CONTEXT = _words("""p near-3 near-2 near-1 near+1 near+2 near+3 within2 within4 within12 element parent above1 above2 above3 group section
before after from_sure to_sure page best expected_units expected_share run_low run_high group_best section_best""")
NAMES_OF_CONTEXT = [f"p_{name}" if name != "p" else "p" for name in _CONTEXT]
NUM_CONTEXT = len(_CONTEXT)


@njit(nogil=True, cache=True)
def logistic(x):
    """1 / (1 + exp(-x)) as an integer of ONE, from IEEE arithmetic alone."""
    x = min(max(x, -30.0), 30.0)
    k = np.int64(x / _LN2 + (0.5 if x >= 0 else -0.5))
    r, total, double = x - k * _LN2, 0.0, 2.0 if k > 0 else 0.5
    for factor in _EXP:
        total = total * r + factor
    for _ in range(abs(k)):
        total = total * double
    return np.int64(total / (1.0 + total) * ONE + 0.5)


@njit(nogil=True, cache=True)
def _mean(mass, units, first, last):
    """Mean of p, weighted by words, of the blocks first … last - 1, from sums over blocks; 0 where there are no words."""
    weight = units[last] - units[first]
    return np.float32(np.float64(mass[last] - mass[first]) / np.float64(weight * ONE)) if weight > 0 else np.float32(0)


@njit(nogil=True, cache=True)
def _bests(p, ids, count):
    best = np.zeros(count, np.int64)
    for b in range(len(p)):
        best[ids[b]] = max(best[ids[b]], p[b])
    return best


@njit(nogil=True, cache=True)
def _by_id(page, p, ids, count):
    """float32[count]: mean of p by words of the blocks with each id."""
    mass, units = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for b in range(len(p)):
        mass[ids[b]] += p[b] * page.blocks[b, ht.UNITS]
        units[ids[b]] += page.blocks[b, ht.UNITS]
    means = np.zeros(count, np.float32)
    for i in range(count):
        if units[i] > 0:
            means[i] = np.float32(np.float64(mass[i]) / np.float64(units[i] * ONE))
    return means


@njit(nogil=True, cache=True)
def _runs(p, n, made):
    """How far the nearest sure block is on either side, and how long the run of likely or unlikely blocks is that the block ends."""
    far = 1000
    last, low, high = -far, 0, 0
    for b in range(n):
        x = made[b, NUM_FEATURES:]
        x[19] = min(b - last, far)
        low, high = (low + 1, 0) if p[b] < ONE // 2 else (0, high + 1)
        x[25], x[26] = low, high
        if p[b] >= _SURE:
            last = b
    last = n + far
    for b in range(n - 1, -1, -1):
        made[b, NUM_FEATURES + 20] = min(last - b, far)
        if p[b] >= _SURE:
            last = b


@njit(nogil=True, cache=True)
def context(page, p, sums, above, groups, count, sections, made):
    """Fills made[:, NUM_FEATURES:] with what the first probabilities p int64[blocks] say of a block's surroundings."""
    n = page.state[ht.NUM_BLOCKS]
    made, above = borrowed(made), borrowed(above)
    units = sums[S_UNITS]
    mass = np.zeros(n + 1, np.int64)
    for b in range(n):
        mass[b + 1] = mass[b] + p[b] * page.blocks[b, ht.UNITS]
    by_group, by_section = _by_id(page, p, groups, count), _by_id(page, p, sections, sections[n - 1] + 1)
    best_group, best_section = _bests(p, groups, count), _bests(p, sections, sections[n - 1] + 1)
    best = p.max()
    _runs(p, n, made)
    for b in range(n):
        x = made[b, NUM_FEATURES:]
        x[0] = p[b]
        at = 1
        for step in (-3, -2, -1, 1, 2, 3):
            x[at] = p[b + step] if b + step >= 0 and b + step < n else -1
            at += 1
        for width in (2, 4, 12):
            x[at] = _mean(mass, units, max(0, b - width), min(n, b + width + 1))
            at += 1
        element = page.elements[page.blocks[b, ht.ELEMENT]]
        parent = page.elements[element[ht.PARENT]]
        x[10] = _mean(mass, units, element[ht.FIRST], element[ht.LAST])
        x[11] = _mean(mass, units, parent[ht.FIRST], parent[ht.LAST])
        for step in range(NUM_ANCESTORS):
            row = page.elements[above[b, step]]
            x[12 + step] = _mean(mass, units, row[ht.FIRST], row[ht.LAST])
        x[15] = by_group[groups[b]]
        x[16] = by_section[sections[b]]
        x[17] = _mean_share(mass[b], mass[n])
        x[18] = _mean_share(mass[n] - mass[b + 1], mass[n])
        x[21] = _mean(mass, units, 0, n)
        x[22] = best
        x[23] = np.float32(np.float64(mass[n]) / ONE)
        x[24] = _mean_share(p[b] * page.blocks[b, ht.UNITS], mass[n])
        x[27] = best_group[groups[b]]
        x[28] = best_section[sections[b]]


@njit(nogil=True, cache=True)
def _mean_share(part, whole):
    return np.float32(np.float64(part) / np.float64(whole)) if whole > 0 else np.float32(0)


@njit(nogil=True, cache=True)
def cut(page, p, factor, least, most):
    """(threshold, expected F1), both of ONE: the threshold t that maximises 2·Σ_{p≥t} p·w / (Σ_{p≥t} w + Σ p·w), which is F*/2, times
    `factor`, within least … most."""
    n = page.state[ht.NUM_BLOCKS]
    weight, gain = np.zeros(BINS + 1, np.int64), np.zeros(BINS + 1, np.int64)
    total = np.int64(0)
    for b in range(n):
        units = np.int64(page.blocks[b, ht.UNITS])
        at = p[b] * BINS // ONE
        weight[at] += units
        gain[at] += p[b] * units
        total += p[b] * units
    kept, hits, best = np.int64(0), np.int64(0), 0.0
    for at in range(BINS, -1, -1):
        kept += weight[at]
        hits += gain[at]
        if kept > 0:
            best = max(best, 2.0 * np.float64(hits) / (np.float64(kept) * ONE + np.float64(total)))
    expected = np.int64(best * ONE + 0.5)
    return min(max(np.int64(best * 0.5 * factor * ONE + 0.5), least), most), expected
