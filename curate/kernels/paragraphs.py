"""Lines of texts as spans of bytes, and heads of texts, without copying."""

from curate.kernels.compiled import njit


@njit(nogil=True, cache=True)
def heads(starts, ends, data, chars):
    """Move ends[i] back so that data[starts[i]:ends[i]] has at most `chars` characters."""
    for row in range(len(starts)):
        left = chars
        for i in range(starts[row], ends[row]):
            if (data[i] & 0xC0) != 0x80:
                if left == 0:
                    ends[row] = i
                    break
                left -= 1


@njit(nogil=True, cache=True)
def count(starts, ends, data):
    """How many lines, cut at newlines and not empty, all texts have together."""
    total = 0
    for row in range(len(starts)):
        inside = False
        for i in range(starts[row], ends[row]):
            total += data[i] != 10 and not inside
            inside = data[i] != 10
    return total


@njit(nogil=True, cache=True)
def find(starts, ends, data, out):
    """out int64[lines, 3]: (text, first byte, end) of every line that `count` counts."""
    total = 0
    for row in range(len(starts)):
        inside = False
        for i in range(starts[row], ends[row]):
            if data[i] != 10 and not inside:
                out[total] = row, i, ends[row]
                total += 1
            elif data[i] == 10 and inside:
                out[total - 1, 2] = i
            inside = data[i] != 10
