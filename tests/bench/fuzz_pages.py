"""Looks for a page on which the scanner, the features, the trees or the choice crash or differ from their slow twins: python -m tests.bench.fuzz_pages
[--minutes 10] [--seed N] [--pages FOLDER].

Pages are made by Hypothesis (tests/awkward_pages.py); with --pages, pages of a folder are taken too, and broken copies of them: parts cut out,
doubled, inserted, bytes changed. They are read alone, and in a column with others. What is found is shrunk and printed, the exit status is 1. Each
round has a seed of its own, which is printed, so that a round can be repeated.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from awkward_pages import ARTICLES, MADE
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from page_twins import agree, agree_on_all_text, agree_together, by_kernel, by_twin

ROUND = 500
LARGEST = 60_000
ALPHABET = [
    b"<",
    b">",
    b"&",
    b'"',
    b"'",
    b"/",
    b"=",
    b"-",
    b"<!--",
    b"-->",
    b"</",
    b"<p>",
    b"<td>",
    b"<li>",
    b"<pre>",
    b"&#",
    b"\\",
    b"\\u",
    b"\x00",
]


def compared(page):
    for opened in (False, True):
        assert by_kernel(page, opened) == by_twin(page, opened)
    for standfirst in (False, True):
        agree(page, standfirst=standfirst)
    for markdown in (False, True):
        agree_on_all_text(page, markdown)


def together(pages):
    for markdown in (False, True):
        agree_together(pages, markdown=markdown)


def searched(number, examples):
    """One round of made pages. Raises what Hypothesis found, shrunk."""
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        phases=[Phase.generate, Phase.shrink],
    )
    page = st.one_of(MADE, ARTICLES, ARTICLES)
    seed(number)(chosen(given(page)(compared)))()
    seed(number)(settings(chosen, max_examples=examples // 10)(given(st.lists(page, max_size=12))(together)))()


def broken(page, draw):
    """A copy of some bytes of a page with a few of them changed, as text."""
    start = draw.randrange(max(1, len(page) - LARGEST))
    page = bytearray(page[start : start + draw.randrange(200, 6_000)])
    for _ in range(draw.randrange(6)):
        a, b = sorted(draw.randrange(len(page) + 1) for _ in range(2))
        what = draw.randrange(4)
        if what == 0:
            del page[a : min(b, a + 200)]
        elif what == 1:
            page[a:a] = page[a : min(b, a + 200)]
        elif what == 2:
            page[a:a] = draw.choice(ALPHABET)
        else:
            page[a : a + 1] = bytes([draw.randrange(256)])
    return bytes(page).decode("utf-8", "replace")


def copies(page, draw):
    """The first part of a page, and ten broken copies."""
    return [page[:LARGEST].decode("utf-8", "replace"), *(broken(page, draw) for _ in range(10))]


def tried(check, given, number):
    try:
        check(given)
    except BaseException:
        print(f"differs, seed {number}: {given!r}")
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--pages", type=Path, help="a folder of .html files")
    options = parser.parse_args()
    files = sorted(options.pages.rglob("*.htm*")) if options.pages else []
    end, done, number = time.monotonic() + 60 * options.minutes, 0, options.seed
    while time.monotonic() < end:
        draw = random.Random(number)
        real = [page for path in draw.sample(files, min(len(files), 20)) for page in copies(path.read_bytes(), draw)]
        for page in real:
            tried(compared, page, number)
        tried(together, draw.sample(real, len(real)), number)
        done += len(real)
        searched(number, ROUND)
        done, number = done + ROUND, number + 1
        print(f"seed {number - 1}: {done:,} pages alike", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
