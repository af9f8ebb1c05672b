"""Personal data: precision, recall and F1 by type beside datatrove's formatter, and MB/s: python -m tests.bench.bench_pii [FOLDER] [--datatrove PYTHON].

Where the Python of an environment with datatrove is given, its PIIFormatter itself does the peer's part and is compared with our `compat`; else its patterns.

Labelled: the made-up people of FOLDER's pii-presidio (a find is right if it overlaps a label of its type; our rules for telephones were made with
these sentences in sight), and the planted secrets of secrets-detect-secrets beside the finds of its baseline, by line. Web: every find that is no e-mail
address in the main text of extract-aeb's pages is printed, to be judged by eye; nobody has labelled them. CPU seconds, least of five rounds.
"""

import argparse
import gzip
import importlib.util
import io
import json
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard

from curate import stage as stages
from curate.personal import addresses, names
from curate.personal.find import find
from curate.stages.pii import Config, wanted
from tests.bench.bench_language import timed, web
from tests.stages.test_pii import PRESIDIO, names_scored, scored


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


def formatted(python, texts):
    """What datatrove's own formatter finds in each text, in bytes; and how many texts it makes otherwise than our `compat`."""
    peer = Path(__file__).with_name("pii_peer.py")
    made = json.loads(subprocess.run([python, str(peer)], input=json.dumps(texts), capture_output=True, text=True, check=True).stdout)
    same = stages.load("pii").measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), Config(replace="compat"), "pii")[
        "text"
    ]
    other = sum(one["text"] != mine for one, mine in zip(made, same.to_pylist(), strict=True))
    found = [[(len(t[:s].encode()), len(t[:e].encode()), k) for s, e, k in one["spans"]] for t, one in zip(texts, made, strict=True)]
    return dict(zip(texts, found, strict=True)), other


def by_version(sentences):
    """The sentences with IPv4 and IPv6 addresses as two types."""
    for sentence in sentences:
        for span in sentence["spans"]:
            if span["entity_type"] == "IP_ADDRESS" and ":" in span["entity_value"]:
                span["entity_type"] = "IP_V6"
    PRESIDIO["IP_V6"] = "ip6"
    return sentences


def told(text, spans):
    """Spans with IPv6 addresses as a type."""
    data = text.encode()
    return [(s, e, "ip6" if kind == "ip" and b":" in data[s:e] else kind) for s, e, kind in spans]


LOOKALIKES = str.maketrans("aeopcy", "аеорсу")
"""Latin → Cyrillic letters that look the same."""


def harder(sentences):
    """(name, sentences): addresses with a lookalike in them; whole addresses in fullwidth letters; version numbers of five parts behind each sentence."""
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    made = {"lookalikes": [], "fullwidth": [], "versions": []}
    for number, sentence in enumerate(sentences):
        spans = [s for s in sentence["spans"] if s["entity_type"] in ("EMAIL_ADDRESS", "IP_ADDRESS")]
        if not spans:
            continue
        mails = [s for s in spans if s["entity_type"] == "EMAIL_ADDRESS"]
        for name, table in (("lookalikes", LOOKALIKES), ("fullwidth", wide)):
            text = sentence["full_text"]
            for s in mails:  # every letter is one letter, so places stay
                text = (
                    text[: s["start_position"]] + text[s["start_position"] : s["end_position"]].translate(table) + text[s["end_position"] :]
                )
            made[name] += [{"full_text": text, "spans": mails}] if mails else []
        made["versions"].append({"full_text": f"{sentence['full_text']} Release {number % 90 + 4}.12.7.31.2.", "spans": spans})
    return made.items()


def measures(right, total, labelled):
    """Precision, recall, F1."""
    precision, recall = right / max(1, total), right / max(1, labelled)
    return f"{precision:7.3f} {recall:6.3f} {2 * precision * recall / max(1e-9, precision + recall):6.3f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--datatrove", metavar="PYTHON")
    options = parser.parse_args()
    folder = options.folder
    sentences = by_version(json.loads(gzip.decompress((folder / "pii-presidio" / "synth_dataset_v2.json.gz").read_bytes())))
    peer = datatrove
    if options.datatrove:
        found, other = formatted(options.datatrove, list(dict.fromkeys(sentence["full_text"] for sentence in sentences)))
        peer = found.__getitem__
        print(f"datatrove's PIIFormatter makes {other} of {len(found)} texts otherwise than replace: compat")
    print(f"{'type':12} {'labels':>6}   {'ours P':>7} {'R':>6} {'F1':>6}   {'its P':>7} {'R':>6} {'F1':>6}")
    theirs = scored(sentences, lambda text: told(text, peer(text)))
    for kind, mine in sorted(scored(sentences, lambda text: told(text, ours(text))).items()):
        print(f"{kind:12} {mine[2]:6}   {measures(*mine)}   {measures(*theirs[kind])}")
    for name, some in harder(sentences):
        ways = [scored(some, lambda text, way=way: told(text, way(text))) for way in (ours, datatrove)]
        for kind in sorted(set(ways[0]) - {"ip6"}):
            print(f"{name:12} {ways[0][kind][2]:6} {kind:6} {measures(*ways[0][kind])}   {measures(*ways[1][kind])}")
    if importlib.util.find_spec("faker"):
        right, found, full = names_scored(sentences, names.find)
        print(f"names (an option): P {right / found:.3f} of {found}, R {right / full:.3f} of {full} full names")
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
