"""line_repetition against its slow twin: counts by site, what is cut, who leaves, and that a site's lines are its own."""

import math
import random
from collections import Counter

import pyarrow as pa
import pytest
from barrier_runner import Cut, run
from naive_passages import with_what_follows

from curate.barrier import load

barrier = load("line_repetition")
BLANK = b" \t\n\r\x0b\x0c"


def documents(texts, sites):
    ids = [random.Random(i).randbytes(16) for i in range(len(texts))]
    urls = [None if site is None else f"https://User@WWW.{site}:80/{i}?a=b" for i, site in enumerate(sites)]
    columns = {"id": pa.array(ids, pa.binary(16)), "text": pa.array(texts, pa.large_string()), "url": pa.array(urls, pa.string())}
    return pa.table(columns | {"domain": pa.array(sites, pa.string())})


def random_case(seed, size=60):
    """Documents of four sites whose lines are drawn from few."""
    rng = random.Random(seed)
    lines = ["Menü", "Home", "©  2026", "漢字 の", " padded\t", "", "a" * 50, "Read more", *(f"line {i}" for i in range(2))]
    sites = [rng.choice(["a.org", "b.org", "c.org", None]) for _ in range(size)]
    texts = [
        "\n".join(rng.choice(lines if rng.random() < 0.7 else [f"own {i} {rng.random()}"]) for _ in range(rng.randint(0, 6)))
        for i in range(size)
    ]
    return documents([None, "", *texts], ["a.org", "a.org", *sites])


def law_case():
    return barrier.config(min_documents=4, max_share=0.5), random_case(1)


def lines_of(data, least):
    """[(start, end)] of lines without the white space around them."""
    found, at = [], 0
    for line in data.split(b"\n"):
        start = at + len(line) - len(line.lstrip(BLANK))
        found.append((start, start + len(line.strip(BLANK))))
        at += len(line) + 1
    return [(start, end) for start, end in found if end - start >= least]


def naive(rows, config):
    """{id: (text, edits, num_bytes, share, most_documents, drop)}, line by line."""
    known = {row["id"]: row["text"].encode() for row in rows if row["domain"] is not None and row["text"] is not None}
    spans = {one: lines_of(data, config.min_bytes) for one, data in known.items()}
    site = {row["id"]: row["domain"] for row in rows}
    size = Counter(site[one] for one in known)
    have = Counter((site[one], line) for one, data in known.items() for line in {data[a:b] for a, b in spans[one]})
    out = {row["id"]: (row["text"], 0, 0, 0, None, None) for row in rows}
    for one, data in known.items():
        need = max(config.min_documents, math.ceil(round((config.min_share or 0) * 1e6) * size[site[one]] / 1e6))
        common = [(a, b) for a, b in spans[one] if have[site[one], data[a:b]] >= need]
        wide = with_what_follows(data, common)
        found, whole = (sum(b - a for a, b in some) for some in (common, spans[one]))
        share = round(found / max(1, whole), 4)
        bare = bool(common) and found == whole and config.action == "cut"
        drop = "boilerplate" if bare or (config.max_share is not None and share > config.max_share) else None
        if config.action == "cut" and not drop:
            edges = [0, *(place for span in wide for place in span), len(data)]
            text = b"".join(data[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)).decode()
        else:
            text = data.decode()
        most = max((have[site[one], data[a:b]] for a, b in common), default=None)
        out[one] = (text, len(common), sum(b - a for a, b in wide), share, most, drop)
    return out


CONFIGS = [
    {"min_documents": 3},
    {"min_documents": 2, "min_share": 0.3, "max_share": 0.5},
    {"scope": "host", "min_bytes": 5, "action": "mark"},
]


@pytest.mark.parametrize("given", CONFIGS)
def test_the_twin_agrees(given):
    config = barrier.config(**{"min_documents": 3} | given)
    for seed in range(4):
        table = random_case(seed)
        expected = naive(table.to_pylist(), config)
        for row in run(barrier, config, table, Cut(parts=3, batch_rows=7, ranges=5, table_rows=3)).to_pylist():
            out = [row["text"], *(row[f"line_repetition__{name}"] or 0 for name in ("edits", "num_bytes", "share"))]
            out += [row[f"line_repetition__{name}"] for name in ("most_documents", "drop")]
            assert tuple(out) == expected[row["id"]]


def test_lines_of_a_site_are_cut_and_those_of_others_stay():
    menu, own = "Home | News | Shop", "Something of its own, number"
    texts = [f"{menu}\n\n{own} {i}\nFooter\n" for i in range(3)] + [f"{menu}\n{own} 9", "Footer\n\n" + menu]
    out = run(barrier, barrier.config(min_documents=3), documents(texts, ["a.org"] * 3 + ["b.org", "a.org"])).to_pylist()
    assert [row["text"] for row in out] == [f"{own} 0\n", f"{own} 1\n", f"{own} 2\n", texts[3], texts[4]]
    assert [row["line_repetition__edits"] for row in out] == [2, 2, 2, 0, 2]
    assert [row["line_repetition__most_documents"] for row in out] == [4, 4, 4, None, 4]
    assert out[4]["line_repetition__drop"] == "boilerplate"
    assert (out[4]["line_repetition__value"], out[4]["line_repetition__threshold"]) == ("1.0", "all of the text")


def test_a_share_of_the_site_and_of_the_document():
    texts = ["common\nown a", "common\nown b", "own c", "own d"]
    table = documents(texts, ["a.org"] * 4)
    cut = run(barrier, barrier.config(min_documents=2, min_share=0.5), table)["text"].to_pylist()
    assert cut == ["own a", "own b", "own c", "own d"]
    assert run(barrier, barrier.config(min_documents=2, min_share=0.51), table)["text"].to_pylist() == texts
    judged = run(barrier, barrier.config(min_documents=2, max_share=0.5, action="mark"), table).to_pylist()
    assert [row["line_repetition__drop"] for row in judged] == ["boilerplate", "boilerplate", None, None]
    assert judged[0]["line_repetition__threshold"] == "> 0.5"
    assert judged[0]["text"] == texts[0]
