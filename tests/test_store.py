"""The store: whole or not at all, clear words where it cannot write, one driver at a time."""

import json
import os
import subprocess
import sys
import threading

import pytest

from curate import store as stores
from curate.errors import StoreError
from curate.store import Lease, Store


def test_a_put_that_fails_leaves_nothing(tmp_path):
    store = Store(str(tmp_path))
    with pytest.raises(ZeroDivisionError), store.put("a/b") as sink:
        sink.write(b"half" * (1 // 0))
    assert os.listdir(tmp_path / "a") == []


def test_a_put_counts_and_hashes(tmp_path):
    store = Store(str(tmp_path))
    file = store.write("a", b"hello")
    assert (file.bytes, store.read("a"), store.size("a")) == (5, b"hello", 5)
    assert file.digest == "blake3:ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"


def test_memory_is_a_store_too():
    store = Store("memory://store-test")
    store.write("a/b", b"x")
    store.copy("a/b", "c/d")
    assert store.list("c") == ["d"]
    assert store.read("c/d") == b"x"
    store.remove("a")
    assert store.list("a") == []


def test_a_store_that_copies_is_asked_for_several_copies_at_once(monkeypatch):
    store, together, copy = Store("memory://store-copies"), threading.Barrier(3), Store.copy

    def met(self, source, target):
        together.wait(timeout=60)  # breaks unless three are at it
        copy(self, source, target)

    for number in range(3):
        store.write(f"a/{number}", b"%d" % number)
    monkeypatch.setattr(Store, "copy", met)
    store.copy_all([(f"a/{number}", f"b/{number}") for number in range(3)])
    assert [store.read(f"b/{number}") for number in range(3)] == [b"0", b"1", b"2"]
    monkeypatch.setattr(Store, "copy", copy)
    with pytest.raises(FileNotFoundError):
        store.copy_all([("a/0", "c/0"), ("a/none", "c/1")])


def test_an_output_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"output .*file: expected a writable location, got '.*'; choose another --output"):
        Store(str(tmp_path / "file")).write("a", b"x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_output(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="expected a writable location, got Permission denied; choose another --output"):
        Store(str(tmp_path)).write("a", b"x")


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stores.os, "fsync", full)
    with pytest.raises(StoreError, match="expected free space for a, got 'No space left on device'; free some and run again"):
        Store(str(tmp_path)).write("a", b"x")
    assert os.listdir(tmp_path) == []


def test_an_unknown_scheme():
    with pytest.raises(StoreError, match="output nosuch://x: expected a location that fsspec can open"):
        Store("nosuch://x").write("a", b"x")


def test_one_driver_at_a_time(tmp_path):
    code = f"""
import sys, time
from curate.store import Lease, Store
with Lease(Store({str(tmp_path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    expected = f"expected no other run in it, got one of process {holder.pid} on"
    with pytest.raises(StoreError, match=expected), Lease(Store(str(tmp_path))):
        pass
    holder.kill()
    holder.wait()
    with Lease(Store(str(tmp_path))):  # a dead process holds nothing
        assert json.loads((tmp_path / "lease.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "lease.json").exists()


def test_who_was_taken_for_dead_finds_out(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    monkeypatch.setattr(stores, "RENEW_SECONDS", -1)
    with Lease(store) as lease:
        lease.renew()
        store.write("lease.json", json.dumps({"host": "other", "pid": 7, "token": "t", "renewed": 0}).encode())
        with pytest.raises(StoreError, match="expected no other run in it, got one of process 7 on other"):
            lease.renew()
    assert store.read_json("lease.json")["token"] == "t", "the other's lease stays"


def test_a_clock_that_jumps_takes_nobodys_lease(tmp_path, monkeypatch):
    with Lease(Store(str(tmp_path))) as lease:
        monkeypatch.setattr(stores.time, "time", lambda: 4_000_000_000.0)
        lease.renew()
        held = json.loads((tmp_path / "lease.json").read_text())
        assert held["renewed"] < 4_000_000_000, "renewal goes by a clock that does not jump"
