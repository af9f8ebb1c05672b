"""Suppress: what of a list blocks a record, what does not, and lists and keys that are none."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import stage, suppress
from curate.errors import RecipeError
from curate.recipe import from_dict, to_yaml

HASHER = suppress.Hasher(bytes(range(32)))
ID = b"i" * 16


def write(folder, hashes, hasher=HASHER):
    """A list with its key."""
    (folder / "suppress.key").write_text(hasher.key.hex() + "\n")
    (folder / "suppress.txt").write_bytes(suppress.encode(HASHER, hashes))
    return str(folder / "suppress.txt")


def told(path, by="record", **columns):
    """What the stage says of rows."""
    names = {"id": pa.binary(16), "url": pa.string(), "payload_digest": pa.string(), "text": pa.large_string()}
    count = len(next(iter(columns.values())))
    batch = pa.record_batch({name: pa.array(columns.get(name, [None] * count), dtype) for name, dtype in names.items()})
    declared = stage.load("suppress")
    return {k: v.to_pylist() for k, v in declared.measure(batch, declared.config(files=[path], by=by), "s").items()}


def test_the_five_kinds(tmp_path):
    hashes = [HASHER.of("id", ID), HASHER.url("https://a.example/x?y=1"), HASHER.of("host", "b.example"), HASHER.of("payload", "blake3:00")]
    path = write(tmp_path, [*hashes, HASHER.text("What she wrote.")])
    urls = [
        "http://A.example:80/x?y=1#top",
        "https://www.sub.b.example/",
        "https://notb.example/",
        "https://a.example/x",
        None,
        "https://[oops",
    ]
    found = told(path, id=[b"o" * 16] * 6, url=urls, text=["t"] * 6)
    assert found["s__value"] == ["url", "host", None, None, None, None]
    assert found["s__drop"] == ["suppressed"] * 2 + [None] * 4
    assert found["text"] == [None, None, "t", "t", "t", "t"]
    assert found["s__edits"] == [1, 1, 0, 0, 0, 0]
    assert set(found["s__threshold"]) == {HASHER.name, None}
    assert told(path, id=[ID], url=[None])["s__value"] == ["id"]
    assert told(path, id=[b"o" * 16], payload_digest=["blake3:00"])["s__value"] == ["payload"]
    texts = told(path, "text", id=[ID] * 4, text=[" What she wrote.\n", "What she wrote", "", None])
    assert texts["s__value"] == ["text", None, None, None]


@given(st.text(max_size=30))
def test_any_address_is_told_from_others_without_an_exception(text):
    for url in (text, f"https://a.example/{text}", f"//{text}"):
        assert suppress.plain_url(url) is None or suppress.plain_url(f" {url} ") is not None
        assert all(isinstance(host, str) for host in suppress.hosts(url))


def test_hosts_end_at_the_registered_domain():
    assert suppress.hosts("https://a.b.example.co.uk/") == ["a.b.example.co.uk", "b.example.co.uk", "example.co.uk"]
    assert suppress.hosts("https://192.0.2.7/") == ["192.0.2.7"]


def test_a_list_tells_nothing_but_its_length(tmp_path):
    data = suppress.encode(HASHER, [HASHER.url("https://a.example/"), HASHER.of("host", "a.example")] * 2)
    head, *lines = data.decode().splitlines()
    assert head == f"curate/suppress/1 {HASHER.name}"
    assert lines == sorted(set(lines))
    assert len(lines) == 2
    assert suppress.Hasher(bytes(32)).url("https://a.example/").hex() not in lines


def test_a_key_is_made_once_and_for_its_owner(tmp_path):
    path = tmp_path / "a" / "suppress.key"
    made = suppress.new_key(str(path))
    assert suppress.new_key(str(path)) == made
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "suppress.txt").unlink(), "expected a file, got .*suppress.txt"),
        (lambda f: (f / "suppress.key").unlink(), "expected a file, got .*suppress.key"),
        (lambda f: (f / "suppress.key").write_text("00"), "expected a key of 64 hex digits, got 2 characters"),
        (lambda f: (f / "suppress.key").write_text("00" * 32), "expected the key .* beside it"),
        (lambda f: (f / "suppress.txt").write_text("https://a.example/\n"), "suppress.txt:1: expected `curate/suppress/1"),
        (lambda f: (f / "suppress.txt").write_text(f"curate/suppress/1 {HASHER.name}\nno\n"), "suppress.txt:2: expected a hash"),
    ],
)
def test_what_is_no_list_is_told_before_anything_is_read(tmp_path, change, message):
    path = write(tmp_path, [])
    change(tmp_path)
    with pytest.raises(RecipeError, match=message):
        from_dict({"name": "x", "input": [{"uri": "a.jsonl"}], "steps": [], "suppress": path})


def test_where_it_stands_in_the_walk(tmp_path):
    path = write(tmp_path, [])
    made = from_dict({"name": "x", "input": [{"uri": "a.jsonl"}], "steps": [{"unicode": {}}, {"exact_dedup": {}}], "suppress": [path]})
    assert [step.name for step in made.steps] == ["suppress", "unicode", "suppress_text", "exact_dedup"]
    from curate.recipe import suppressing, yaml

    assert from_dict(yaml.parse(to_yaml(made), "r").data) == made
    twice = suppressing(made, path)
    assert twice == made
    bare = from_dict({"name": "x", "input": [{"uri": "a.jsonl"}], "steps": [{"unicode": {}}]})
    assert [step.name for step in suppressing(bare, path).steps] == ["suppress", "unicode", "suppress_text"]
