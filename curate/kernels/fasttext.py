"""fastText's supervised models: the likeliest label of a text, or the probability of one.

After Joulin et al. 2016 and the reference's file format, version 12, with its walk down the Huffman tree. The hidden vector is the mean of rows
(`fasttext_text.py`); what follows is in float64, in the order written. Naive twin: tests/naive_fasttext.py.
"""

import math

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.fasttext_text import DIM, SCALE, add_text
from curate.kernels.utf8 import SPACE, code_at, width

OF_LABEL = 1e-5
"""The reference takes log(p + 1e-5), and so reports p + 1e-5."""
FLOOR = math.log(OF_LABEL)
TREE, FLAT, EACH = range(3)
"""Loss: hierarchical softmax; softmax; a sigmoid for each label (one-vs-all, negative sampling)."""


@njit(cache=True)
def _dot(out, row, hidden):
    total = 0.0
    for d in range(len(hidden)):
        total += np.float64(out[row, d]) * hidden[d]
    return total


@njit(cache=True)
def _branch(out, node, hidden):
    """Probability of the right child."""
    return 1.0 / (1.0 + math.exp(-_dot(out, node - len(out), hidden)))


@njit(cache=True)
def _best_in_tree(model, out, hidden, stack, scores):
    """(likeliest label, its log probability) by the reference's depth-first walk, the likelier child first; -1 where all lie below its floor."""
    best = -1
    top = FLOOR
    stack[0] = len(model.left) - 1
    scores[0] = 0.0
    depth = 1
    while depth > 0:
        depth -= 1
        node = stack[depth]
        score = scores[depth]
        if score < top:
            continue
        if model.left[node] < 0:
            if score > top or best < 0 or model.rank[node] > model.rank[best]:
                best = node
                top = score
            continue
        right = _branch(out, node, hidden)
        no = score + math.log(1.0 - right + OF_LABEL)
        yes = score + math.log(right + OF_LABEL)
        near = 1 if yes > no else 0
        stack[depth + 1 - near] = model.left[node]
        scores[depth + 1 - near] = no
        stack[depth + near] = model.right[node]
        scores[depth + near] = yes
        depth += 2
    return best, top


@njit(cache=True)
def _of_leaf(model, out, hidden, leaf):
    """Log probability of one label in the tree."""
    total = 0.0
    node = leaf
    while model.parent[node] >= 0:
        above = model.parent[node]
        right = _branch(out, above, hidden)
        total += math.log((right if model.right[above] == node else 1.0 - right) + OF_LABEL)
        node = above
    return total


@njit(cache=True)
def _spread(model, out, hidden, scores):
    """Probabilities of all labels without a tree into scores."""
    top = -np.inf
    for label in range(len(model.out)):
        scores[label] = _dot(out, label, hidden)
        top = max(top, scores[label])
    total = 0.0
    for label in range(len(model.out)):
        if model.loss == EACH:  # the reference reads its sigmoid from a table of 512 steps between -8 and 8
            x = scores[label]
            step = math.floor((x + 8.0) * 32.0)
            scores[label] = 0.0 if x < -8.0 else 1.0 if x > 8.0 else 1.0 / (1.0 + math.exp(8.0 - step / 32.0))
        else:
            scores[label] = math.exp(scores[label] - top)
            total += scores[label]
    if model.loss != EACH:
        for label in range(len(model.out)):
            scores[label] /= total


@njit(cache=True)
def solid(data, s, e, classes):
    """Whether data[s:e] holds more than white space (str.isspace)."""
    i = s
    while i < e:
        if i + width(data[i]) > e or not classes[code_at(data, i)] & SPACE:
            return True
        i += width(data[i])
    return False


@njit(cache=True)
def predict(starts, ends, data, classes, model, cache, asked, labels, scores):
    """For each text data[starts[i]:ends[i]]: labels[i] its likeliest label, -1 where there is none; scores[i] the probability of that label, or, from 0 on,
    of the label `asked`; 0 where the text is blank."""
    sums = np.zeros(model.args[DIM], dtype=np.int64)
    fresh = np.zeros(model.args[DIM], dtype=np.int64)
    hidden = np.zeros(model.args[DIM])
    stack = np.zeros(len(model.out) + 2, dtype=np.int64)
    found = np.zeros(len(model.out) + 2)
    rows, out = model.rows.view(np.float32), model.out.view(np.float32)
    for row in range(len(starts)):
        labels[row] = -1
        scores[row] = 0.0
        if not solid(data, starts[row], ends[row], classes):
            continue
        sums[:] = 0
        number = add_text(data, starts[row], ends[row], model, rows, cache, fresh, sums)
        if number == 0:
            continue
        for d in range(len(hidden)):
            hidden[d] = np.float64(sums[d]) / np.float64(SCALE) / number
        best = -1
        score = 0.0
        if model.loss == TREE:
            best, score = _best_in_tree(model, out, hidden, stack, found)
            score = math.exp(score if asked < 0 else _of_leaf(model, out, hidden, asked))
        else:
            _spread(model, out, hidden, found)
            for label in range(len(model.out)):
                if best < 0 or found[label] >= found[best]:
                    best = label
            score = found[best if asked < 0 else asked] + OF_LABEL
        labels[row] = best
        if best >= 0 or asked >= 0:
            scores[row] = min(1.0, score)
