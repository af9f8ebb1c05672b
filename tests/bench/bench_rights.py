"""Rights: links and texts recognised, beside peers, and what the steps cost: python -m tests.bench.bench_rights [links|texts|prose|cost|open] [FOLDER].

links  precision and recall of Creative Commons links on labelled pages, and beside a pattern of C4Corpus' kind
texts  licence texts recognised and texts a second, beside askalono, licenseclassifier and spdx-matcher where they are installed
prose  licences told in sentences, on ScanCode's cases and on labelled pages
cost   CPU seconds of the stages of a web run over labelled pages as fetched, and the share of license, consent, host_consent and pii
open   pipelines/open.yaml on the sample and on FOLDER's warc: every kept row is audited

FOLDER holds the labelled sets. CPU seconds of one process, least of the rounds.
"""

import importlib
import io
import re
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import zstandard

from curate import schema
from curate.recipe import load
from curate.rights.texts import licences_of
from curate.stage import load as stage
from tests.bench import rights_labels as labels
from tests.open_audit import audited

ROOT = Path(__file__).parents[2]
C4CORPUS = re.compile(
    rb"<(?:a|link|meta)\b[^>]*(?:href|content)\s*=\s*[\"']?https?://creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)", re.IGNORECASE
)


SLOW = ("spdx-matcher", "askalono")
"""Asked for some forty texts of each set."""


def ratio(right, of):
    return f"{right / max(of, 1):.3f}"


def show_links(folder):
    there, found, right = labels.labelled(folder / "extract-trafilatura-a")
    print(f"which licence is on the page, {there} pages that people labelled: P {ratio(right, found)} R {ratio(right, there)}")
    truth = {one["file"]: one for one in labels.lines(folder / "extract-trafilatura-a" / "truth.jsonl.zst") if one.get("license")}
    there = found = right = 0
    for name, page in labels.pages(folder / "extract-trafilatura-a"):
        unit = labels.UNIT.search(truth[name]["license"]) if name in truth else None
        if unit and b"creativecommons.org/licenses/" in page.lower():
            got = C4CORPUS.search(page)
            there, found = there + 1, found + (got is not None)
            right += got is not None and got[1].decode().upper() == unit[1]
    print(f"  a pattern of C4Corpus' kind: P {ratio(right, found)} R {ratio(right, there)}")
    for name in ("extract-trafilatura-a", "license-cc-legalcode-a", "extract-aeb", "extract-wcxb-dev"):
        there, found, both = labels.links(folder / name)
        print(f"links to deeds, {name}: {there} in the DOM, P {ratio(both, found)} R {ratio(both, there)}", flush=True)


def peers():
    """Name → function from a text to an SPDX name, or None."""
    found = {}
    if importlib.util.find_spec("askalono"):
        found["askalono"] = importlib.import_module("askalono").identify
    if importlib.util.find_spec("licenseclassifier"):
        found["licenseclassifier"] = importlib.import_module("licenseclassifier").identify_license
    if importlib.util.find_spec("spdx_matcher"):
        found["spdx-matcher"] = importlib.import_module("spdx_matcher").analyse_license_text
    return found


def named(answer):
    """The first licence in a peer's answer, whatever its form."""
    while isinstance(answer, tuple | list):
        answer = answer[0] if answer else None
    if isinstance(answer, dict):
        answer = next(iter(answer.get("licenses") or {}), None)
    return next(
        (str(value) for name in ("name", "id", "license_id") if (value := getattr(answer, name, None))),
        answer if isinstance(answer, str) else None,
    )


def show_texts(folder):
    licences_of("a b c d")  # the index is made
    sets = {"SPDX": labels.spdx_texts(folder / "license-spdx"), "ScanCode": labels.scancode_texts(folder / "license-scancode-a")}
    for name, texts in sets.items():
        runs = {"ours": lambda text: held[0].spdx if (held := licences_of(text)) else None}
        runs |= {peer: lambda text, ask=ask: named(ask(text)) for peer, ask in peers().items()}
        for who, ask in runs.items():
            some = texts[:: max(1, len(texts) // 40)] if who in SLOW else texts
            best, right = float("inf"), 0
            for _ in range(3 if who == "ours" else 1):
                started = time.process_time()
                told = [ask(text) for _, text in some]
                best = min(best, time.process_time() - started)
                right = sum(got is not None and labels.same(name_, got) for (name_, _), got in zip(some, told, strict=True))
            print(f"{name:9} {who:18} {right / len(some):6.1%} of {len(some)} texts, {len(some) / best:8.0f} texts/s", flush=True)


def fetched(folder, most):
    """A batch of pages as they were fetched."""
    data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((folder / "html.tar.zst").open("rb")).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        raw = [archive.extractfile(member).read() for member in archive if member.isfile()][:most]
    count = len(raw)
    columns = {field.name: pa.nulls(count, field.type) for field in schema.DOCUMENT}
    columns |= {"raw": pa.array(raw, pa.large_binary()), "url": pa.array([f"https://host{n % 50}.example/page/{n}" for n in range(count)])}
    columns["headers"] = pa.array([[{"name": "content-type", "value": "text/html"}]] * count, schema.HEADERS)
    columns["id"] = pa.array([n.to_bytes(16, "big") for n in range(count)], pa.binary(16))
    columns["at"] = pa.array(range(count), pa.uint64())
    return pa.record_batch(columns)


def measured(name, config, batch):
    """(seconds, the batch with the step's columns)."""
    one = stage(name)
    best, made = float("inf"), {}
    for _ in range(4):
        started = time.process_time()
        made = one.measure(batch, config, name)
        made = made | one.judge(made, config, name)
        best = min(best, time.process_time() - started)
    for column, array in made.items():
        if column in batch.schema.names:
            batch = batch.set_column(batch.schema.get_field_index(column), column, array)
        else:
            batch = batch.append_column(column, array)
    return best, batch


def host_seconds(batch):
    """CPU seconds of `host_consent` over pages of fifty hosts with a robots.txt of a thousand lines each."""
    from curate.barrier import load as barrier

    sys.path.insert(0, str(ROOT / "tests"))
    from barrier_runner import exchange, resolved

    found = barrier("host_consent")
    text = "User-agent: GPTBot\nDisallow: /private\n\nUser-agent: *\n" + "".join(f"Disallow: /x{n}/*.php\n" for n in range(200))
    from curate.read.hosts import HOSTS

    rows = [
        {
            "id": bytes([n] * 16),
            "source": "s",
            "kind": "robots",
            "scheme": "https",
            "host": f"host{n}.example",
            "url": f"https://host{n}.example/robots.txt",
        }
        | {"origin": {"http_status": 200}, "text": text}
        for n in range(50)
    ]
    files = pa.RecordBatch.from_pylist(rows, schema=HOSTS)
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        config = found.config()
        (round_,) = found.rounds(config)
        keyed = pa.concat_tables([round_.sketch(batch, None, config), found.hosts(files, config)])
        from barrier_runner import Cut

        list(resolved(round_, exchange(keyed, Cut()), config, Cut()))
        best = min(best, time.process_time() - started)
    return best


def show_cost(folder):
    recipe = load(ROOT / "pipelines" / "web.yaml")
    seconds = {}
    for name in ("extract-aeb", "extract-wcxb-dev"):
        batch = fetched(folder / name, 600)
        size = sum(len(page.as_py()) for page in batch["raw"])
        for step in recipe.steps:
            if step.kind != "stage":
                continue
            config = (
                stage("markup").config() if step.uses == "markup" else step.config
            )  # the recipe's limits are those of the small pages of the sample
            spent, batch = measured(step.uses, config, batch)
            seconds[step.name] = seconds.get(step.name, 0) + spent
            if step.uses == "license":
                spent, batch = measured("consent", stage("consent").config(), batch)
                seconds["consent"] = seconds.get("consent", 0) + spent
        seconds["host_consent"] = seconds.get("host_consent", 0) + host_seconds(batch)
        print(f"{name}: {batch.num_rows} pages, {size / 1e6:.0f} MB")
    total = sum(seconds.values())
    for step, spent in sorted(seconds.items(), key=lambda one: -one[1]):
        print(f"  {step:18} {spent:7.3f} s {spent / total:6.1%}")
    ours = sum(seconds[step] for step in ("license", "consent", "host_consent", "pii"))
    print(
        f"license + consent + host_consent + pii: {ours / total:.1%} of the stages of web.yaml (its barriers, tokenizer and shards not counted)"
    )


def show_prose(folder):
    total, right, wrong = labels.told_in_cases(folder / "license-scancode-a")
    print(f"sentences, ScanCode's cases with one licence: {total} name one, P {ratio(right, total)}")
    for what, count in wrong.most_common(8):
        print(f"  {count} {what!r}")
    there, found, right = labels.told_on_pages(folder / "extract-trafilatura-a")
    print(f"sentences, pages with a written Creative Commons licence: {there}, P {ratio(right, found)} R {ratio(right, there)}")


def show_open(folder):
    for inputs in ([], [str(folder / "warc" / f"*.{end}") for end in ("warc.gz", "warc", "arc.gz")]):
        with tempfile.TemporaryDirectory() as out:
            kept, left = audited(Path(out) / "run", inputs)
            print(
                f"open.yaml on {'FOLDER/warc' if inputs else 'the sample'}: {kept} rows kept, each with licence evidence and a basis of consent; {left} left"
            )


def main():
    words = [word for word in sys.argv[1:] if word in ("links", "texts", "prose", "cost", "open")]
    rest = [word for word in sys.argv[1:] if word not in words]
    folder = Path(rest[0]) if rest else ROOT.parent / "shared" / "data"
    for word in words or ("links", "texts", "prose", "cost", "open"):
        {"links": show_links, "texts": show_texts, "prose": show_prose, "cost": show_cost, "open": show_open}[word](folder)


if __name__ == "__main__":
    main()
