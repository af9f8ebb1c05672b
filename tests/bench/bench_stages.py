"""MB of text (HTML for `markup`) a second and core, each stage alone, with its peer where one is installed: python tests/bench/bench_stages.py [FOLDER].

FOLDER holds labelled sets with `html.tar.zst` (extract-aeb is used); the stages after `markup` read the text of its pages, repeated to 20 MB.
One warm-up, best of three, one thread. Peers are timed in the same run; resiliparse and ftfy are what the stages call themselves.
"""

import io
import sys
import tarfile
import time
from pathlib import Path

import pyarrow as pa
import zstandard

from curate import schema
from curate import stage as stages

TARGET = 20_000_000


def pages(folder):
    data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((folder / "extract-aeb" / "html.tar.zst").open("rb")).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()]


def batch(texts, raw=None):
    n = len(texts)
    columns = {field.name: pa.nulls(n, field.type) for field in schema.DOCUMENT}
    columns["text"] = pa.array(texts, pa.large_string())
    columns["url"] = pa.array([f"https://www.example{i % 977}.org/a/page-{i}.html" for i in range(n)])
    columns["headers"] = pa.array([[{"name": "content-type", "value": "text/html; charset=utf-8"}]] * n, schema.HEADERS)
    if raw is not None:
        columns["raw"] = pa.array(raw, pa.large_binary())
    return pa.record_batch(columns)


def best(work, rounds=3):
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def peers(raw, texts):
    """(stage, peer, bytes, function) of each peer that is installed."""
    from resiliparse.extract.html2text import extract_plain_text

    html = [page.decode("utf-8", "replace") for page in raw]
    some, few = html[:40], texts[: max(1, len(texts) // 20)]
    yield "markup", "resiliparse alone", sum(map(len, raw)), lambda: [extract_plain_text(h, main_content=True) for h in html]
    try:
        import trafilatura

        size = sum(len(h.encode()) for h in some)
        yield "markup", "trafilatura", size, lambda: [trafilatura.extract(h, include_comments=False) for h in some]
    except ImportError:
        pass
    import ftfy

    yield "unicode", "ftfy ungated", sum(len(t.encode()) for t in few), lambda: [ftfy.fix_text(t, uncurl_quotes=False) for t in few]


def main():
    here = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data"
    raw = pages(here)
    whole = batch([None] * len(raw), raw)
    markup = stages.load("markup")
    made = markup.measure(whole, markup.config(), "markup")
    texts = made["text"].to_pylist()
    size = sum(len(t.encode()) for t in texts)
    times = max(1, TARGET // size)
    print(f"{'stage':20} {'MB/s':>8}   ({len(raw)} pages, {sum(map(len, raw)) / 1e6:.1f} MB of HTML, {size * times / 1e6:.1f} MB of text)")
    for name in stages.names():
        stage = stages.load(name)
        given, amount = (whole, sum(map(len, raw))) if name == "markup" else (batch(texts * times), size * times)
        if name in ("license", "consent"):
            for column in ("markup__claims", "markup__wishes"):
                repeated = pa.concat_arrays([made[column]] * times)
                given = given.append_column(column, repeated)
        config = stage.config()

        def work(stage=stage, given=given, config=config):
            measured = stage.measure(given, config, stage.name)
            stage.judge(measured, config, stage.name)

        print(f"{name:20} {amount / best(work) / 1e6:8.1f}", flush=True)
    for name, peer, amount, work in peers(raw, texts):
        print(f"{name:20} {amount / best(work, 1) / 1e6:8.1f}   peer: {peer}", flush=True)


if __name__ == "__main__":
    main()
