"""A file of a folder is one document."""

from collections import Counter

import pytest

from curate import schema
from read.reading import page, read


@pytest.mark.parametrize(
    ("name", "data", "raw", "text", "mime"),
    [
        ("a.html", page("x"), page("x"), None, "text/html"),
        ("a.HTM", page("x"), page("x"), None, "text/html"),
        ("a.txt", "Grüße\n".encode(), None, "Grüße\n", "text/plain"),
        ("a.txt", "Grüße".encode("utf-16"), None, "Grüße", "text/plain"),
        ("a.txt", "Äpfel, Birnen und Möhren für alle".encode("cp1252"), None, "Äpfel, Birnen und Möhren für alle", "text/plain"),
        ("a.md", ("# Война и мир\n" * 9).encode("koi8-r"), None, "# Война и мир\n" * 9, "text/markdown"),
        ("a.txt", ("Grüße. " * 99).encode() + b"\xc3", None, "Grüße. " * 99 + "\ufffd", "text/plain"),
    ],
)
def test_markup_goes_to_raw_and_text_to_text(tmp_path, name, data, raw, text, mime):
    path = tmp_path / name
    path.write_bytes(data)
    (row,) = read(path, container=f"sub/{name}").rows
    assert (row["raw"], row["text"], row["origin"]["mime"], row["url"], row["fetched_at"]) == (raw, text, mime, None, None)
    assert row["id"] == schema.document_id("test", f"sub/{name}", None, data)


def test_files_of_other_names_are_sniffed_where_the_recipe_says_they_are_documents(tmp_path):
    for data, found in ((page("x"), "text/html"), (b"plain words", "text/plain")):
        path = tmp_path / "noname"
        path.write_bytes(data)
        assert read(path, kind="folder").rows[0]["origin"]["mime"] == found
    path.write_bytes(b"\x00\x01\x02")
    assert read(path, kind="folder").skipped == Counter(binary=1)


def test_an_empty_file_is_skipped(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b" \n")
    assert read(path).skipped == Counter(empty=1)
