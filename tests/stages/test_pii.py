"""Personal data: what is found, what takes its place, and that nothing of it remains."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.pii import _EMAIL, _IP, EMAILS, IPS, Config, _is_public, pii, redacted

ANY_TEXT = st.lists(
    st.one_of(
        st.text(max_size=6),
        st.sampled_from(
            [
                "a.b@c.example",
                "@",
                "x@y",
                "8.8.8.8",
                "10.0.0.1",
                "1.2.3.4.5",
                "08.8.8.8",
                "v9.9.9.9",
                "joe+tag@mail.co.uk",
                ".",
                "1.1.1.1111",
            ]
        ),
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("write to jane.doe@mail.example.org now", "write to <EMAIL> now"),
        ("a@b is no address", "a@b is no address"),
        ("dns is 8.8.8.8, router is 192.168.1.1", "dns is <IP_ADDRESS>, router is 192.168.1.1"),
        ("version 1.2.3.4.5 of 08.8.8.8", "version 1.2.3.4.5 of 08.8.8.8"),
        ("127.0.0.1 and 999.1.1.1", "127.0.0.1 and 999.1.1.1"),
        ("x@[8.8.8.8] and y@z.de.", "<EMAIL> and <EMAIL>."),
        ("ends 8.8.8.8.", "ends <IP_ADDRESS>."),
    ],
)
def test_tags(text, tagged):
    assert redacted(text, Config())[0] == tagged


def test_examples_do_not_depend_on_order():
    config = Config(replace="example")
    assert redacted("a@b.de c@d.de 8.8.8.8", config) == (f"{EMAILS[0]} {EMAILS[0]} {IPS[0]}", 2, 1)


def test_compatible_with_datatrove_within_a_document():
    config = Config(replace="compat")
    assert redacted("a@b.de c@d.de e@f.de", config)[0] == f"{EMAILS[0]} {EMAILS[1]} {EMAILS[0]}"
    assert redacted("8.8.8.8 9.9.9.9 v1.2.3.4.5 1.2.3.4567", config)[0] == f"{IPS[0]} {IPS[1]} v{IPS[2]}.5 {IPS[3]}67"


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, st.sampled_from(["tag", "example"]))
def test_nothing_of_the_pattern_remains_and_twice_is_once(text, replace):
    if replace == "example":  # what follows an address without a space would grow together with its replacement
        text = " ".join(re.findall(r"[\w.]+@[\w.]+|[\d.]+", text))
    made, emails, ips = redacted(text, Config(replace=replace))
    kept = ("@example.com", "@example.org") if replace == "example" else ()
    assert all(m.group().endswith(kept) for m in _EMAIL.finditer(made))
    assert not [m.group() for m in _IP.finditer(made) if _is_public(m.group()) and not (kept and m.group() in IPS)]
    assert redacted(made, Config(replace=replace)) == (made, 0, 0)
    assert (emails + ips == 0) == (made == text)


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_the_windows_around_signs_find_what_the_pattern_finds(text):
    assert redacted(text, Config(ips=False))[0] == _EMAIL.sub("<EMAIL>", text)


def test_a_long_run_before_a_sign_is_no_trap():
    text = "a-" * 200_000 + "@" + "b-" * 200_000
    assert redacted(text, Config())[1] == 0


def run(texts, config=None):
    config = config or Config()
    measured = pii.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "pii")
    return {n.removeprefix("pii__"): c.to_pylist() for n, c in (measured | pii.judge(measured, config, "pii")).items()}


def test_counts_and_reason():
    out = run(["a@b.de 8.8.8.8", "nothing", "a@b.de " * 7, None], Config(max_found=5))
    assert out["edits"] == [2, 0, 7, None]
    assert out["num_emails"] == [1, 0, 7, None]
    assert out["num_ips"] == [1, 0, 0, None]
    assert out["drop"] == [None, None, "much_personal_data", None]
    assert out["threshold"][2] == "> 5"
    assert out["text"] == ["<EMAIL> <IP_ADDRESS>", "nothing", "<EMAIL> " * 7, None]


def test_kinds_can_be_switched_off():
    assert run(["a@b.de 8.8.8.8"], Config(emails=False, ips=False))["text"] == ["a@b.de 8.8.8.8"]


def test_made_up_people(shared):
    """Every e-mail address of the labelled sentences goes, and at most one in a hundred other sentences changes."""
    import gzip
    import json

    sentences = json.loads(gzip.decompress((shared("pii-presidio") / "synth_dataset_v2.json.gz").read_bytes()))
    missed, false = 0, 0
    for sentence in sentences:
        made, emails, _ = redacted(sentence["full_text"], Config(ips=False))
        labelled = [s["entity_value"] for s in sentence["spans"] if s["entity_type"] == "EMAIL_ADDRESS"]
        missed += sum(value in made for value in labelled)
        false += emails > 0 and not labelled
    assert missed == 0
    assert false <= 0.01 * len(sentences)


def test_bad_config():
    with pytest.raises(ValueError, match=re.escape("'tag', 'example' or 'compat'")):
        Config(replace="mask")
