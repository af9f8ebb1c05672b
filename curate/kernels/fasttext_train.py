"""Training of fastText's two-label classifiers over words and n-grams of words, one document after the other.

After Joulin et al. 2016 and the reference's `supervised` with softmax: a document is the mean of its rows, a step goes down the gradient of the log
likelihood, with a rate that falls to zero. The same input gives the same bytes: the order is a hash's, sums are float64 in the order written and
stored as float32, and exp is a polynomial of ours, not the machine's.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.fasttext_text import BUCKET, END, END_HASH, FIRST, NGRAMS, WORDS, blank, entry_of, hashed, is_end, signed

LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10


@njit(cache=True)
def exp(x):
    """e**x for |x| <= 30 to 1e-14, by a Taylor polynomial after halving; the same bits on every machine."""
    x = min(30.0, max(-30.0, x))
    k = np.int64(np.floor(x / 0.6931471805599453 + 0.5))
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    total = 1.0
    for n in range(14, 0, -1):
        total = 1.0 + total * r / n
    for _ in range(abs(k)):
        total = total * 2.0 if k > 0 else total * 0.5
    return total


@njit(cache=True)
def _mixed(x):
    """SplitMix64's last step (Steele et al. 2014): a hash of 64 bits."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True)
def shuffle_keys(number, seed, epoch, out):
    """out uint64[number]: by what documents are sorted in an epoch."""
    for i in range(number):
        out[i] = _mixed(_mixed(np.uint64(seed) + np.uint64(epoch) * np.uint64(0x9E3779B97F4A7C15)) + np.uint64(i))


@njit(cache=True)
def rows_of(data, s, e, args, slots, at, letters, out):
    """out int32[k]: the rows of the text data[s:e], as inference takes them without n-grams of characters; how many there are, written or not."""
    span = args[NGRAMS] - 1
    open_ = np.zeros(max(1, span), dtype=np.uint64)
    num = 0
    found = 0
    i = s
    more = True
    while more:
        while i < e and blank(data[i]):
            i += 1
        start = i
        h = np.int64(FIRST)
        while i < e and not blank(data[i]):
            h = hashed(h, data[i])
            i += 1
        entry = args[END]
        if start == i or is_end(data, start, i):
            more = False
            h = np.int64(END_HASH)
        else:
            entry = entry_of(data, start, i, h, slots, at, letters)
            if entry >= args[WORDS]:
                continue
        if entry >= 0:
            if found < len(out):
                out[found] = entry
            found += 1
        for k in range(num):
            open_[k] = open_[k] * np.uint64(116049371) + signed(h)
            if found < len(out):
                out[found] = args[WORDS] + np.int64(open_[k] % np.uint64(args[BUCKET]))
            found += 1
        if span > 0:
            if num == span:
                for k in range(num - 1):
                    open_[k] = open_[k + 1]
                num -= 1
            open_[num] = signed(h)
            num += 1
    return found


@njit(cache=True)
def begin(rows, seed, weights):
    """Set the weights of rows that stand in `rows` to uniform numbers in ±1/dim, by a hash of seed, row and place; the others stay zero."""
    dim = weights.shape[1]
    for i in range(len(rows)):
        row = rows[i]
        if weights[row, 0] == 0.0 and weights[row, dim - 1] == 0.0:
            for d in range(dim):
                bits = _mixed(_mixed(np.uint64(seed) + np.uint64(1)) + np.uint64(row) * np.uint64(dim) + np.uint64(d))
                weights[row, d] = (np.float64(bits >> np.uint64(11)) / 4503599627370496.0 - 1.0) / dim


@njit(cache=True)
def epoch(rows, starts, labels, order, rate, done, total, weights, out):
    """One pass: the document order[i] has rows[starts[o]:starts[o + 1]] and the label 0 or 1; the rate falls from `rate` at step 0 to 0 at `total`;
    `done` steps were taken before. Changes weights float32[n, dim] and out float32[2, dim]; returns the sum of distances
    from the truth."""
    dim = weights.shape[1]
    hidden = np.zeros(dim)
    grad = np.zeros(dim)
    loss = 0.0
    for i in range(len(order)):
        first, last = starts[order[i]], starts[order[i] + 1]
        number = last - first
        if number == 0:
            continue
        step = rate * (1.0 - (done + i) / total)
        hidden[:] = 0.0
        for k in range(first, last):
            for d in range(dim):
                hidden[d] += np.float64(weights[rows[k], d])
        margin = 0.0
        for d in range(dim):
            hidden[d] /= number
            margin += (np.float64(out[1, d]) - np.float64(out[0, d])) * hidden[d]
        p = 1.0 / (1.0 + exp(-margin))
        truth = labels[order[i]]
        pull = step * (truth - p)
        loss += abs(truth - p)
        for d in range(dim):
            grad[d] = pull * (np.float64(out[1, d]) - np.float64(out[0, d])) / number
            out[1, d] = np.float32(np.float64(out[1, d]) + pull * hidden[d])
            out[0, d] = np.float32(np.float64(out[0, d]) - pull * hidden[d])
        for k in range(first, last):
            for d in range(dim):
                weights[rows[k], d] = np.float32(np.float64(weights[rows[k], d]) + grad[d])
    return loss
