"""Connected components of a graph whose edges are all there. Slow twin: tests/barriers/test_hold_out.py."""

from curate.kernels.compiled import njit


@njit(nogil=True, cache=True)
def roots(left, right, root):
    """Fill root (int64[n]) with the least vertex of each vertex's component; edge e joins the vertices left[e] and right[e] (int64)."""
    for v in range(len(root)):
        root[v] = v
    for e in range(len(left)):
        a, b = left[e], right[e]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        if a < b:
            root[b] = a
        else:
            root[a] = b
    for v in range(len(root)):  # a root is less than what hangs on it, so it has its own by now
        root[v] = root[root[v]]
