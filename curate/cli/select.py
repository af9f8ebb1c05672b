"""Which documents a request means: ids, URLs, registered domains and sources to ids, and files that list them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card.folder import Rows, open_folder
from curate.card.lookup import find
from curate.errors import ShardError, SourceError
from curate.recipe.yaml import unknown
from curate.schema import registered_domain
from curate.shards.reader import Corpus, bytes_id
from curate.store import Store

ID = re.compile(r"[0-9a-f]{32}")
MAX_LOOKUPS = 16
"""Up to so many URLs are looked up by Bloom filter; for more the column is read once."""


@dataclass
class Asked:
    """A request as made."""

    ids: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def read(self, path: Path) -> None:
        """Add the lines of a file: 32 hex digits are an id, what holds `://` a URL, the rest domains; `#` begins a comment line."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"file {path}: expected lines of ids, URLs or domains, got {error}") from None
        for line in (line.strip() for line in lines):
            if line and not line.startswith("#"):
                kind = self.ids if ID.fullmatch(line.lower()) else self.urls if "://" in line else self.domains
                kind.append(line)

    def as_dict(self) -> Mapping[str, Sequence[str]]:
        """What was given, for a receipt."""
        return {kind: values for kind, values in vars(self).items() if values}


def ids_of(asked: Asked, run: Store, corpus: Corpus) -> list[bytes]:
    """Ids of everything that was asked for. ShardError for what is no id, and for a URL, domain or source of which there is no document."""
    for one in asked.ids:
        if not ID.fullmatch(one.lower()):
            raise ShardError(f"id: expected 32 hex digits, got {one!r}; copy it from documents/")
    ids = [bytes.fromhex(one) for one in asked.ids]
    for source in asked.sources:
        ids += _of_source(corpus, source)
    if asked.urls or asked.domains:
        documents = open_folder(run).documents
        if asked.urls and len(asked.urls) <= MAX_LOOKUPS:
            ids += _looked_up(documents, asked.urls)
        elif asked.urls:
            ids += _scanned(documents, "url", asked.urls)
        ids += _scanned(documents, "domain", [registered_domain(one) or one for one in asked.domains]) if asked.domains else []
    if not ids:
        raise ShardError("request: expected ids, URLs, domains or sources, got none; give --id, --url, --domain, --source or --file")
    return ids


def _of_source(corpus: Corpus, source: str) -> list[bytes]:
    if source not in corpus.meta.sources:
        raise ShardError(f"source: {unknown(source, list(corpus.meta.sources))}")
    ids = corpus.ids()
    rows = np.flatnonzero((corpus.column("source") == corpus.meta.sources.index(source)) & (corpus.column("piece") == 0))
    return [bytes_id(ids, row) for row in rows.tolist()]


def _looked_up(documents: Rows, urls: Sequence[str]) -> list[bytes]:
    ids = []
    for url in urls:
        found = [hit.columns["id"] for hit in find(documents, "url", url, without=("raw", "text"))]
        if not found:
            raise ShardError(f"url: expected the URL of a kept document, got {url!r}; `curate why` tells what became of it")
        ids += found
    return ids


def _scanned(documents: Rows, column: str, values: Sequence[str]) -> list[bytes]:
    """Ids of all documents whose column is one of the values; each value must have one."""
    ids, seen = [], set()
    wanted = pa.array(sorted(set(values)), pa.string())
    for batch in documents.batches(["id", column]):
        rows = pc.indices_nonzero(pc.is_in(batch[column].cast(pa.string()), value_set=wanted))
        ids += batch["id"].take(rows).to_pylist()
        seen.update(pc.unique(batch[column].take(rows)).to_pylist())
    missing = sorted(set(values) - seen)
    if missing:
        raise ShardError(f"{column}: expected one of a kept document, got {missing[0]!r}; `curate why` tells what became of a URL")
    return ids
