"""Charsets: the standard's own sniffing tests, real files in many charsets, and bytes that are nothing."""

import io
import re
import tarfile
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.web.charset import codec, decode, label_of_header, prescan


def test_the_standards_prescan_tests(shared):
    folder = shared("encoding-html5-prescan")
    wrong, total = [], 0
    for name in ("tests1.dat", "tests2.dat", "test-yahoo-jp.dat"):
        for case in re.split(rb"(?m)^#data\n", (folder / name).read_bytes())[1:]:
            body, _, rest = case.partition(b"\n#encoding\n")
            want = codec(rest.strip().split(b"\n")[0].decode())
            found = "utf-8" if body.startswith(b"\xef\xbb\xbf") else codec(prescan(body)) or "cp1252"
            total += 1
            wrong += [body[:60]] if found != want else []
    assert total > 80
    assert len(wrong) <= 1, wrong  # one declares its charset from a script that would have to run


@lru_cache(maxsize=1)
def real_files(folder):
    """(directory, bytes, text) of real files."""
    import zstandard

    packed = (folder / "files.tar.zst").open("rb")
    data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed).read()
    files = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive.getmembers():
            label = re.search(r"(?:^|/)([^/]+)/[^/]+$", member.name)
            if not member.isfile() or not label:
                continue
            name = codec(re.sub(r"-(?!\d|jp|kr|cn|tw|sig|be|le|[ir]u?$|[ur]$)[a-z].*$", "", label[1].lower()))
            raw = archive.extractfile(member).read()
            try:
                if name:
                    files.append((label[1], raw, raw.decode(name).lstrip("\ufeff")))
            except UnicodeDecodeError:
                continue
    return files


@pytest.mark.parametrize(
    ("content_type", "floor"),
    [(None, 190), ("text/html; charset=iso-8859-1", 165), ("text/html; charset=utf-8", 189)],
)
def test_real_files_in_many_charsets(shared, content_type, floor):
    files = real_files(shared("encoding-chardet-a"))
    wrong = [name for name, raw, text in files if decode(raw, content_type).text.lstrip("\ufeff") != text]
    assert len(files) == 191
    assert len(files) - len(wrong) >= floor, wrong


def test_words_of_latin_letters_are_what_was_declared():
    """Western text, and what stands in rows, is no reason to doubt."""
    latin = (
        "Ça été créé à l'école, où l'Aïeul vit. Größe, Straße, Üöä. " * 3 + "»»»»»»»»»» ««««««« ••••••••••••••••••••• \xa0\xa0\xa0\xa0\xa0"
    )
    for raw in (latin.encode("cp1252"), latin.upper().encode("cp1252"), ("–" * 40 + "“”" * 40 + "é").encode("cp1252")):
        found = decode(raw, "text/html; charset=iso-8859-1")
        assert (found.charset, found.basis) == ("cp1252", "header")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["text/html; charset=utf-16", "charset=big5"])))
def test_never_raises_and_always_gives_text(raw, content_type):
    found = decode(raw, content_type)
    found.text.encode("utf-8", "surrogatepass")
    assert 0 <= found.bad <= len(found.text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\x1b\ufeff")))
def test_utf8_is_utf8_whatever_is_declared(text):
    assert decode(text.encode(), "text/html; charset=iso-8859-1").text == text


@pytest.mark.parametrize(
    ("raw", "content_type", "charset", "basis"),
    [
        (b"\xef\xbb\xbfabc", "text/html; charset=latin1", "utf-8", "bom"),
        (b"\xff\xfea\x00b\x00", None, "utf-16-le", "bom"),
        ("Grüße".encode("cp1252"), "text/html; charset='windows-1252'", "cp1252", "header"),
        ("Привет".encode("koi8-r"), 'text/html; charset="KOI8-R"', "koi8-r", "header"),
        (b"<meta charset=gb2312>" + "汉字测试文本".encode("gbk"), None, "gb18030", "meta"),
        (b"<meta http-equiv=content-type content='text/html; charset=euc-kr'>" + "한국어".encode("cp949"), None, "cp949", "meta"),
        ("日本語".encode("iso2022_jp"), "text/html; charset=iso-2022-jp", "iso2022_jp", "header"),
        (b"a \x1b[31m terminal", None, "utf-8", "escape"),
        (("日本語の文書です。" * 9).encode("iso2022_jp"), None, "iso2022_jp", "detected"),
        (("안녕하세요, 한국어 문서입니다. " * 9).encode("cp949"), None, "cp949", "detected"),
        (("Добро пожаловать на сайт. " * 9).encode("cp1251"), "text/html; charset=iso-8859-1", "cp1251", "detected"),
        (b"<meta charset=windows-1251>" + ("Новости дня. " * 9).encode("cp1251"), "text/html; charset=ISO-8859-1", "cp1251", "meta"),
        ("Grüße, Müller".encode("cp1252"), "text/html; charset=utf-8", "cp1252", None),
    ],
)
def test_who_names_the_charset(raw, content_type, charset, basis):
    found = decode(raw, content_type)
    assert found.charset == charset
    assert basis in (None, found.basis)
    assert found.bad == 0


def test_a_page_cut_in_the_middle_of_a_character_is_still_utf8():
    found = decode(("Grüße " * 400).encode()[:-3], "text/html; charset=utf-8")
    assert (found.charset, found.bad) == ("utf-8", 1)
    for content_type in (None, "text/html; charset=utf-8"):  # a comment in another charset does not make mojibake of a short page
        found = decode("Grüße aus Köln, schöne Straße. ".encode() * 5 + b"\xfc\xe4", content_type)
        assert (found.charset, found.bad) == ("utf-8", 2)


@pytest.mark.parametrize(
    ("page", "label"),
    [
        (b"<!-- <meta charset=a> --><meta charset=utf-8>", "utf-8"),
        (b"<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=Big5'>", "big5"),
        (b"<meta content='text/html; charset=big5'>", None),
        (b"<a title='<meta charset=big5>'>", None),
        (b"<meta charset=utf-16>", "utf-8"),
        (b"<meta charset=no-such>", None),
        (b"<meta charset=big5", None),
        (b"", None),
    ],
)
def test_prescan(page, label):
    assert prescan(page) == label


def test_header_labels():
    assert label_of_header("text/html; charset=utf-8; boundary=x") == "utf-8"
    assert label_of_header("text/html;CHARSET = 'x'") == "x"
    assert label_of_header("text/html") is None
    assert label_of_header(None) is None
