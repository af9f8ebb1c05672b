"""`curate forget`: every place of a run, in an order that a crash does not harm, and the receipt.

First the suppression list and the list of ids, so that nothing comes back whatever happens next; then the tables, the shards, the index, the exports;
then what can be made anew is emptied, and the card is written. Places are asked for everything that was ever forgotten here, so the same request
again finishes what a killed one began. A run may lie anywhere that fsspec reaches; shards of one in an object store are copied here, treated and put
back, since their readers map files. What is left in the input stays there: the lists keep it from being read into a run again.
"""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from curate import suppress
from curate.card import publish, questions
from curate.card.folder import Folder, open_folder
from curate.card.forgotten import RECEIPT, RECEIPT_FORMAT, raised, receipts, version_now
from curate.errors import StoreError
from curate.forget import places, tables
from curate.forget.request import DOCUMENTS, REMOVED, Copy, Found, Request, copies, search, texts
from curate.shards.forget import forgotten_ids, remember
from curate.store import Lease, Store, failpoint

MANIFESTS = ("documents/manifest.json", "removed/manifest.json")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a request is carried out."""

    erase: bool = True
    """Whether shards are written again without the documents; else they are hidden by a deletion vector."""
    with_copies: float | None = None
    """Forget copies of at least this similarity too."""
    in_advance: bool = False
    """Whether a request that meets no document is put on the suppression list all the same."""
    exports: Sequence[str] = ()
    """Folders of exports beside those that the run knows."""
    list_path: str | None = None
    """Another suppression list that gets the entries too, its key beside it."""


@dataclass
class Outlook:
    """What a request would do."""

    found: Found
    copies: list[Copy]
    by_place: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"by_place": self.by_place, "copies": [asdict(one) for one in self.copies]}


def request_of(ids: Sequence[str], urls: Sequence[str], hosts: Sequence[str]) -> Request:
    """The request, checked. StoreError for what is no id, address or host."""
    for one in ids:
        if not re.fullmatch("[0-9a-fA-F]{32}", one):
            raise StoreError(f"id: expected 32 hex digits, got {one!r}; `curate why` tells the id of an address")
    plain = {one: suppress.plain_url(one) for one in urls}
    if bad := [one for one, value in plain.items() if value is None]:
        raise StoreError(f"url: expected an address with a host, got {bad[0]!r}; write it as https://example.org/page")
    names = {one: suppress.host_of(f"//{one}") for one in hosts}
    if bad := [one for one, value in names.items() if value is None or "/" in one]:
        raise StoreError(f"domain: expected a host such as example.org, got {bad[0]!r}; give an address with --url")
    made = Request(
        frozenset(bytes.fromhex(one) for one in ids), frozenset(map(str, plain.values())), frozenset(str(one) for one in names.values())
    )
    if not made:
        raise StoreError("forget: expected ids, addresses or domains, got none; give --id, --url, --domain or --file")
    return made


def outlook(run: Store, request: Request, options: Options) -> Outlook:
    """What the request would do; nothing is changed."""
    folder = open_folder(run)
    found, near = _meant(folder, request, options)
    ids = found.all
    by_place: dict[str, Any] = {name: len(found.ids[name]) for name in (DOCUMENTS, REMOVED)}
    by_place["shards"] = places.in_shards(run, ids)
    if (held := places.index(folder, run, ids, write=False)) is not None:
        by_place["index"] = held.get("by_step", "not found")
    by_place["exports"] = places.forget_exports(places.exports(run, options.exports), ids, write=False)
    by_place["unmet"] = found.unmet(request)
    return Outlook(found, near, by_place)


def forget(run: Store, request: Request, options: Options) -> tuple[dict[str, Any], list[Copy]]:
    """Forget; the receipt as it was written, and copies that are left. StoreError where nothing is met, unless it is meant in advance."""
    with Lease(run):
        tables.settle(run)
        folder = open_folder(run)
        found, near = _meant(folder, request, options)
        known = set(forgotten_ids(run).to_pylist())
        if not found.all and not options.in_advance and not _repeated(run, request):
            raise StoreError(
                f"forget: expected a document of {run.root}, got none that is meant; `curate why` finds documents, and --in-advance puts "
                "the request on the suppression list all the same"
            )
        exports = places.exports(run, options.exports)
        number = 1 + len(receipts(run))
        receipt = _head(run, folder, request, found)
        receipt["suppression"] = _suppress(run, folder, request, found, options.list_path)
        remember(run, np.array(sorted(found.all), dtype="S16"))
        failpoint("after_forget_lists")
        if found.all:
            tables.rewrite(run, folder, found.ids[DOCUMENTS], found.ids[REMOVED])
            tables.settle(run)
        receipt["counts"] |= tables.done(run)
        _elsewhere(run, folder, known | found.all, options, exports, receipt)
        receipt["files"] = {path: {"before": receipt["files"][path], "after": _digest(run, path)} for path in MANIFESTS}
        receipt["version"] = _version(run, folder, receipt["counts"]["documents"])
        path = f"{RECEIPT}{number:05}.json"
        receipt = {"format": RECEIPT_FORMAT, "path": path, "at": datetime.now(UTC).isoformat(timespec="seconds")} | receipt
        run.write(path, (json.dumps(receipt, indent=1, ensure_ascii=False) + "\n").encode())
        run.remove(tables.OPEN)
        publish.publish(run)
    return receipt, near


def _repeated(run: Store, request: Request) -> bool:
    """Whether all that is asked for stands on the run's list already: an earlier request, which may have been killed."""
    if not run.exists(suppress.LIST):
        return False
    held = suppress.opened(_own_list(run))
    return _asked(held.hasher, request) <= held.hashes


def _meant(folder: Folder, request: Request, options: Options) -> tuple[Found, list[Copy]]:
    """Rows that are forgotten, copies included where asked, and the copies that are left."""
    found = search(folder, request)
    near = copies(folder, found.all) if found.all else []
    if options.with_copies is not None:
        for one in near:
            if one.place in found.ids and one.similarity >= options.with_copies:
                found.ids[one.place].add(bytes.fromhex(one.id))
        near = [one for one in near if bytes.fromhex(one.id) not in found.all]
    return found, near


def _head(run: Store, folder: Folder, request: Request, found: Found) -> dict[str, Any]:
    return {
        "run": folder.name,
        "asked": request.counts(),
        "unmet": found.unmet(request),
        "counts": {},
        "files": {path: _digest(run, path) for path in MANIFESTS},
    }


def _suppress(run: Store, folder: Folder, request: Request, found: Found, other: str | None) -> dict[str, Any]:
    """Put what was asked, and every document that it meant, on the run's list and on another that is named."""
    told = {}
    for path in (_own_list(run), *([other] if other else [])):
        above, _, name = path.rpartition("/")
        store = Store(above or ".")
        hasher = _key(store, suppress.key_path(name), suppress.key_path(path))
        held = suppress.decode(store.read(name), path, hasher) if store.exists(name) else []
        made = set(held) | _asked(hasher, request) | _documents(hasher, folder, found)
        store.write(name, suppress.encode(hasher, made))
        told["list" if path != other else "other_list"] = {"key": hasher.name, "entries": len(made), "added": len(made - set(held))}
    return told


def _own_list(run: Store) -> str:
    """Where the run's list lies, as anything that fsspec opens."""
    return f"{run.root.rstrip('/')}/{suppress.LIST}"


def _key(store: Store, name: str, path: str) -> suppress.Hasher:
    """The key of a list, made where there is none: a file for its owner alone, or an object, which whoever may read the bucket can read."""
    if store.is_local:
        return suppress.new_key(path)
    if not store.exists(name):
        store.create(name, f"{secrets.token_hex(32)}\n".encode())
    return suppress.key_of(store.read(name), path)


def _asked(hasher: suppress.Hasher, request: Request) -> set[bytes]:
    made = {hasher.of("id", one) for one in request.ids}
    return made | {hasher.of("url", one) for one in request.urls} | {hasher.of("host", one) for one in request.hosts}


def _documents(hasher: suppress.Hasher, folder: Folder, found: Found) -> set[bytes]:
    """Id, address, payload and text of every document."""
    made: set[bytes | None] = set()
    for rows in (folder.documents, folder.removed):
        for row in texts(rows, found.ids[rows.folder], ["id", "url", "payload_digest", "text"]):
            made.add(hasher.of("id", row["id"]))
            made.add(hasher.url(row["url"]) if row["url"] else None)
            made.add(hasher.of("payload", row["payload_digest"]) if row["payload_digest"] else None)
            made.add(hasher.text(row["text"]) if row["text"] else None)
    return {one for one in made if one is not None}


def _elsewhere(run: Store, folder: Folder, ids: set[bytes], options: Options, exports: list[Path], receipt: dict[str, Any]) -> None:
    """Shards, index, exports, and what is emptied: noted in the receipt."""
    counts = receipt["counts"]
    if (told := places.shards(run, ids, options.erase)) is not None:
        receipt["shards"], counts["shards"] = told, told["documents"]
    failpoint("after_forget_shards")
    if (held := places.index(folder, run, ids)) is not None:
        receipt["index"], counts["index"] = held, sum(held.get("by_step", {}).values())
    receipt["exports"] = places.forget_exports(exports, ids)
    counts["exports"] = sum(one.get("documents", 0) for one in receipt["exports"])
    receipt["emptied"] = places.empty(run)
    receipt["left"] = places.left(run)


def _version(run: Store, folder: Folder, documents: int) -> dict[str, str | None]:
    """Of the corpus, as people said it: a removal raises its first number."""
    said = questions.answers(run, folder.recipe).get("version")
    before = version_now(said, receipts(run))
    return {"said": said, "before": before, "after": raised(before) if documents and before is not None else before}


def _digest(run: Store, path: str) -> str:
    from blake3 import blake3

    return "blake3:" + blake3(run.read(path)).hexdigest()
