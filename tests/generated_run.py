"""A finished run of any size, written without running anything: real folders, manifests, ledger and shards over rows drawn at random.

For what reads runs (card, diff, desk) at ten million documents. Texts are a few bytes, so lengths are not those of a crawl; all that is
counted (ids, domains, licences, measures, reasons) has the spread that a crawl has. Writes about 100,000 documents a second and 250 bytes each.

    python -m tests.generated_run FOLDER --documents 1000000
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import curate
from curate import recipe
from curate.ledger import Balance, Ledger, Outcome
from curate.schema import DOCUMENT, column, id_sum
from curate.shards import format as layout
from curate.shards.index import write_doc_index
from curate.shards.manifest import build_manifest, write_manifest
from curate.shards.settle import PartWriter
from curate.store import Store

FILE_ROWS = 65_536
STEPS = ("markup", "license", "language", "gopher_quality", "pii", "exact_dedup")
LICENSES = np.array(["NOASSERTION", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "MIT", "CC-BY-NC-4.0"])
CLASSES = np.array(["unknown", "attribution", "share-alike", "public-domain", "permissive", "non-commercial"])
LANGUAGES = np.array(["en", "de", "fr", "es", "ru", "zh", "fi", "sw"])
QUALITY = ("num_words", "mean_word_length", "hashes", "ellipses", "bullet_lines", "ellipsis_lines", "alpha_words", "num_stop_words")
REASONS = ("language:low_score", "gopher_quality:short_doc", "gopher_quality:too_few_letters", "exact_dedup:duplicate")
REMOVED_SHARE = 0.4
VOCABULARY = 4096


def recipe_of(name: str):
    return recipe.from_dict(
        {
            "name": name,
            "input": [{"uri": "crawl/*.warc.gz", "source": "crawl"}],
            "steps": [{step: {}} for step in STEPS],
            "tokenizer": {"vocab_size": VOCABULARY},
            "shards": {},
        }
    )


def written(rng: np.random.Generator, count: int, words: int) -> list[str]:
    """Texts of a word and a number, or of so many words."""
    numbers = rng.integers(0, 10**6, count)
    if words <= 2:
        return np.char.add("text ", numbers.astype("U7")).tolist()
    pool = [" ".join(f"word{n}" for n in rng.integers(0, 50_000, 20)) + "." for _ in range(5000)]
    picks = rng.integers(0, len(pool), (count, max(1, words // 20)))
    return [f"text {number}\n" + "\n".join(pool[at] for at in row) for number, row in zip(numbers.tolist(), picks.tolist(), strict=True)]


def rows(rng: np.random.Generator, count: int, num_domains: int, text_words: int = 2) -> dict[str, pa.Array]:
    """`count` rows with the columns that the steps leave; domains by Zipf's law."""
    domain = np.minimum(rng.zipf(1.3, count), num_domains)
    names = np.char.add(np.char.add("site", domain.astype("U9")), ".example")
    license_, language = rng.choice(len(LICENSES), count, p=[0.8, 0.07, 0.04, 0.02, 0.04, 0.03]), rng.zipf(1.8, count) % len(LANGUAGES)
    made = {
        "id": pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(rng.bytes(16 * count))]),
        "source": pa.array(np.full(count, "crawl")),
        "url": pa.array(np.char.add(np.char.add(np.char.add("https://", names), "/"), rng.integers(0, 10**9, count).astype("U9"))),
        "domain": pa.array(names),
        "fetched_at": pa.array(rng.integers(1_500_000_000, 1_760_000_000, count) * 1_000_000, pa.timestamp("us", "UTC")),
        "origin": origins(rng, count),
        "payload_digest": pa.nulls(count, pa.string()),
        "headers": pa.nulls(count, DOCUMENT.field("headers").type),
        "text": pa.array(written(rng, count, text_words), pa.large_string()),
        "license__spdx": pa.array(LICENSES[license_]),
        "license__class": pa.array(CLASSES[license_]),
        "license__confidence": pa.array(rng.choice([0.0, 0.6, 0.95], count)),
        "language__label": pa.array(LANGUAGES[language]),
        "language__score": pa.array(np.round(1 - rng.random(count) ** 3, 4)),
        "pii__edits": pa.array(rng.poisson(0.3, count).astype(np.int32)),
        "pii__num_emails": pa.array(rng.poisson(0.2, count)),
        "pii__num_ips": pa.array(rng.poisson(0.1, count)),
    }
    for name in QUALITY:
        values = rng.lognormal(5, 1, count).astype(np.int64) if name.startswith("num_") else np.round(rng.beta(1, 6, count), 4)
        made[column("gopher_quality", name)] = pa.array(values)
    return made


def origins(rng: np.random.Generator, count: int) -> pa.StructArray:
    kinds = DOCUMENT.field("origin").type
    values = {
        "container": np.full(count, "crawl.warc.gz"),
        "offset": rng.integers(0, 10**9, count),
        "length": rng.integers(100, 10**5, count),
        "record_id": [None] * count,
        "http_status": np.full(count, 200, np.int16),
        "mime": np.full(count, "text/html"),
    }
    return pa.StructArray.from_arrays([pa.array(values[field.name], field.type) for field in kinds], fields=list(kinds))


class Builder:
    """Writes a run file by file."""

    def __init__(self, folder: Path, seed: int, num_domains: int, text_words: int = 2):
        self.store, self.rng, self.num_domains = Store(str(folder)), np.random.default_rng(seed), num_domains
        self.text_words = text_words
        limits = {"file_rows": FILE_ROWS, "file_bytes": 1 << 30, "group_rows": 8192}
        self.kept, self.left = (PartWriter(self.store, f"{name}/part", **limits) for name in ("documents", "removed"))
        self.balance = Balance(skipped={})
        self.meta = layout.ShardMeta(
            vocab_size=VOCABULARY,
            eos_id=0,
            tokenizer_fingerprint="sha256:" + "0" * 64,
            tokenizer_probe_hash="none",
            sources=("crawl",),
            licenses=tuple(LICENSES.tolist()),
            containers=("crawl.warc.gz",),
        )
        self.shards, self.ids = [], []

    def add(self, count: int) -> None:
        """So many documents more: some are kept, the others leave."""
        table = pa.table(rows(self.rng, count, self.num_domains, self.text_words))
        leaves = self.rng.random(count) < REMOVED_SHARE
        kept, left = table.take(pa.array(np.flatnonzero(~leaves))), table.take(pa.array(np.flatnonzero(leaves)))
        reason = self.rng.choice(len(REASONS), left.num_rows, p=[0.1, 0.5, 0.1, 0.3])
        keeper = kept["id"].combine_chunks().take(pa.array(self.rng.integers(0, kept.num_rows, left.num_rows)))
        copied = pa.array(reason == 3)
        left = left.append_column("exact_dedup__keeper", pc.if_else(copied, keeper, pa.scalar(None, pa.binary(16))))
        left = left.append_column("removed_by", pa.array(np.array(REASONS)[reason]))
        for name in ("value", "threshold"):
            left = left.append_column(name, pa.array(["1"] * left.num_rows))
        self._write(kept, self.kept)
        self._write(left, self.left)
        self._shard(kept)
        self._count(table, kept, left)

    def _write(self, table: pa.Table, writer: PartWriter) -> None:
        for batch in table.combine_chunks().to_batches():
            writer.write(batch)

    def _count(self, table: pa.Table, kept: pa.Table, left: pa.Table) -> None:
        size = {name: int(pc.sum(pc.binary_length(one["text"])).as_py() or 0) for name, one in (("in", table), ("kept", kept))}
        b = self.balance
        b.records, b.documents, b.kept = b.records + table.num_rows, b.documents + table.num_rows, b.kept + kept.num_rows
        b.bytes_in, b.bytes_kept = b.bytes_in + size["in"], b.bytes_kept + size["kept"]
        b.bytes_removed += size["in"] - size["kept"]
        b.ids_in, b.ids_kept, b.ids_removed = (
            b.ids_in + id_sum(table["id"]),
            b.ids_kept + id_sum(kept["id"]),
            b.ids_removed + id_sum(left["id"]),
        )
        lengths = pc.binary_length(left["text"])
        sums = left.select(["removed_by"]).append_column("n", lengths).group_by("removed_by").aggregate([("n", "count"), ("n", "sum")])
        for reason, count, text in zip(*(sums[name].to_pylist() for name in ("removed_by", "n_count", "n_sum")), strict=True):
            b.removed[reason] += count
            b.removed_bytes[reason] += text
        for step in STEPS:
            b.entered[step] += table.num_rows

    def _shard(self, kept: pa.Table) -> None:
        count = kept.num_rows
        lengths = pc.binary_length(kept["text"]).to_numpy()
        tokens = np.ones(2 * count, np.uint16)
        tokens[::2] = 0
        codes = pc.index_in(kept["license__spdx"], pa.array(self.meta.licenses)).combine_chunks()
        values = {
            "tokens": pa.LargeListArray.from_arrays(pa.array(np.arange(0, 2 * count + 1, 2)), pa.array(tokens)),
            "doc_id": kept["id"].combine_chunks(),
            "n_bytes": lengths,
            "source": np.zeros(count),
            "license": codes,
            "src_container": np.zeros(count),
            "src_offset": np.arange(count),
            "piece": np.zeros(count),
            "pieces": np.ones(count),
            "repeats": np.ones(count),
            "split": np.zeros(count),
        }
        schema = layout.shard_schema(self.meta)
        arrays = [v if isinstance(v := values[f.name], pa.Array) else pa.array(v) for f in schema]
        table = pa.Table.from_arrays([array.cast(f.type) for array, f in zip(arrays, schema, strict=True)], names=schema.names)
        with self.store.put(f"shards/{layout.shard_name(len(self.shards))}") as sink:
            self.shards.append(layout.write_shard(sink, table, self.meta))
        self.ids.append(kept["id"].combine_chunks())

    def close(self, name: str) -> None:
        """Manifests, ledger, recipe."""
        for folder, writer in (("documents", self.kept), ("removed", self.left)):
            files = writer.close()
            entries = [asdict(file) | {"path": file.path.partition("/")[2]} for file in files]
            self.store.write_json(f"{folder}/manifest.json", {"files": entries, "rows": sum(file.rows for file in files)})
        with self.store.put(f"shards/{layout.INDEX}") as sink:
            index = write_doc_index(sink, self.ids)
        with self.store.put(f"shards/{layout.MANIFEST}") as sink:
            write_manifest(sink, build_manifest(self.meta, self.shards, index))
        ledger = Ledger(self.store)
        ledger.commit(Outcome(task="segment0-generated", kind="segment", balance=self.balance))
        ledger.compact(["segment0-generated"])
        self.store.write("recipe.yaml", recipe.to_yaml(recipe_of(name)).encode())


def write(folder: Path, documents: int, seed: int = 0, num_domains: int = 1_000_000, text_words: int = 2) -> Path:
    """A run of so many documents read; the same bytes for the same arguments."""
    builder = Builder(folder, seed, num_domains, text_words)
    for start in range(0, documents, FILE_ROWS):
        builder.add(min(FILE_ROWS, documents - start))
    builder.close("generated")
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=1_000_000)
    said = parser.parse_args()
    write(said.folder, said.documents)
    print(curate.open(said.folder).manifest("documents")["rows"], "documents kept")
