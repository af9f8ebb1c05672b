"""Personal data: precision and recall by type beside datatrove's formatter, and MB/s: python -m tests.bench.bench_pii [FOLDER].

Labelled: the made-up people of FOLDER's pii-presidio (a find is right if it overlaps a label of its type; our rules for telephones were made with
these sentences in sight), and the planted secrets of secrets-detect-secrets beside the finds of its baseline, by line. Web: every find that is no e-mail
address in the main text of extract-aeb's pages is printed, to be judged by eye; nobody has labelled them. CPU seconds, least of five rounds.
"""

import gzip
import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard

from curate import stage as stages
from curate.personal import addresses
from curate.personal.find import find
from curate.stages.pii import Config, wanted
from tests.bench.bench_language import timed, web
from tests.stages.test_pii import scored


def ours(text):
    data = text.encode()
    return find(np.array([0, len(data)]), np.frombuffer(data, dtype=np.uint8), wanted(Config())).get(0, [])


def datatrove(text):
    """What datatrove's patterns find."""
    for kind, pattern in (("email", addresses.EMAIL_COMPAT), ("ip", addresses.IP_COMPAT)):
        for match in pattern.finditer(text):
            if kind == "email" or addresses.is_public(match.group()):
                yield len(text[: match.start()].encode()), len(text[: match.end()].encode()), kind


def secrets(folder):
    """(lines with a secret that we find, lines of the baseline, both), in files of the archive."""
    data = zstandard.ZstdDecompressor().stream_reader((folder / "secrets-detect-secrets" / "test_data.tar.zst").read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {m.name.partition("/")[2]: archive.extractfile(m).read().decode() for m in archive.getmembers() if m.isfile()}
    base = json.loads(files.pop("baseline.file"))["results"]
    got = {(name, text.encode()[:s].count(b"\n") + 1) for name, text in files.items() for s, _, kind in ours(text) if kind == "secret"}
    expected = {(name.removeprefix("test_data/"), one["line_number"]) for name, found in base.items() for one in found}
    return got, expected


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data"
    sentences = json.loads(gzip.decompress((folder / "pii-presidio" / "synth_dataset_v2.json.gz").read_bytes()))
    print(f"{'type':12} {'labels':>6}   {'ours P':>7} {'R':>6}   {'datatrove P':>11} {'R':>6}")
    theirs = scored(sentences, lambda text: list(datatrove(text)))
    for kind, (right, total, labelled) in sorted(scored(sentences, ours).items()):
        peer = theirs[kind]
        print(
            f"{kind:12} {labelled:6}   {right / max(1, total):7.3f} {right / labelled:6.3f}   {peer[0] / max(1, peer[1]):11.3f} {peer[0] / labelled:6.3f}"
        )
    got, expected = secrets(folder)
    print(
        f"secrets, by line: {len(got)} found, {len(expected)} in detect-secrets' baseline (bare strings of high entropy as well), {len(got & expected)} in both"
    )
    texts = web(folder)
    for text in texts:
        data = text.encode()
        for start, end, kind in ours(text):
            if kind != "email":
                print(f"  {kind}: …{data[max(0, start - 24) : start].decode(errors='replace')!r} [[{data[start:end].decode()}]]")
    given = pa.record_batch({"text": pa.array(texts * 20, pa.large_string())})
    stage, size = stages.load("pii"), sum(len(t.encode()) for t in texts) * 20
    for name, config in (("all types", Config()), ("compat (datatrove's patterns)", Config(replace="compat"))):
        best = min(timed(lambda config=config: stage.measure(given, config, "pii")) for _ in range(5))
        print(f"{name}: {size / 1e6 / best:.0f} MB/s of main text ({size / 1e6:.0f} MB)")


if __name__ == "__main__":
    main()
