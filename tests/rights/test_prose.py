"""Licences told in sentences: whole works, parts, negations, reservations, notices of files; and what prose may say beside other claims."""

import time

import pyarrow as pa
import pytest

from curate import schema
from curate.rights.prose import GATE, of_prose
from curate.stages.license import Config, license
from curate.stages.markup import CLAIMS
from tests.bench.rights_labels import told_in_cases, told_on_pages

BY = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("This work is licensed under a Creative Commons Attribution 4.0 International License.", "CC-BY-4.0"),
        ("Except where otherwise noted, content on this site is licensed under a CC BY-SA 3.0 license.", "CC-BY-SA-3.0"),
        ("All content is available under CC BY-NC-ND 4.0, see there.", "CC-BY-NC-ND-4.0"),
        ("This tutorial is licensed under a Creative Commons Attribution-NonCommercial 2.5 Generic License.", "CC-BY-NC-2.5"),
        ("The text is available under the Creative Commons Attribution-ShareAlike License; more.", "LicenseRef-CC-BY-SA-unversioned"),
        ("Released under the MIT License.", "MIT"),
        ("This book is in the public domain.", "LicenseRef-public-domain"),
        ("© 2020 Ann. All rights reserved.", "LicenseRef-all-rights-reserved"),
        ("Dieses Werk bzw. Inhalt steht unter einer Creative Commons Namensnennung-KeineBearbeitung 3.0 Lizenz.", "CC-BY-ND-3.0"),
        ("Alle Inhalte stehen, soweit nicht anders markiert, unter einer CC BY-SA 3.0 Lizenz.", "CC-BY-SA-3.0"),
        ("This work is not licensed under the MIT license.", None),
        ("The book entered the public domain in 1923.", None),
        ("This work is no longer in the public domain.", None),
        ("This work is licensed under terms that nobody knows.", None),
        ("Our hotel has all rights reserved seats.", None),
        ("The software is released under the MIT license.", None),
        ("", None),
    ],
)
def test_what_a_page_says_of_itself(text, spdx):
    said = [one.licence.spdx for one in of_prose(text, page=True) if one.whole]
    assert said == ([spdx] if spdx else [])
    assert all(one.confidence < 0.5 for one in of_prose(text, page=True))


def test_software_is_a_part_of_a_page_and_the_whole_of_a_file():
    told = of_prose("The software is released under the MIT license.", page=True)
    assert [(one.licence.spdx, one.whole) for one in told] == [("MIT", False)]
    notice = (
        "/*\n * This program is free software; you can redistribute it and/or\n * modify it under the terms of the GNU General Public License\n"
        " * as published by the Free Software Foundation; either version 2\n * of the License, or (at your option) any later version.\n */"
    )
    assert [(one.licence.spdx, one.whole) for one in of_prose(notice, page=False)] == [("GPL-2.0-or-later", True)]
    assert [one.licence.spdx for one in of_prose("# Licensed under the Apache License,\n# Version 2.0", page=False)] == ["Apache-2.0"]


def test_a_sentence_without_a_subject_counts_where_notices_stand():
    middle = "word " * 400 + "\nReleased under the MIT License.\n" + "word " * 400
    assert [one.whole for one in of_prose(middle, page=True)] == [False]
    assert [one.whole for one in of_prose(middle[:-1990], page=True)] == [True]


def row(text, claims=(), edits=3, **options):
    columns = {
        "text": pa.array([text], pa.large_string()),
        "headers": pa.nulls(1, schema.HEADERS),
        "markup__claims": pa.array([list(claims)], CLAIMS),
        "markup__edits": pa.array([edits], pa.int32()),
    }
    config = Config(**options)
    measured = license.measure(pa.record_batch(columns), config, "license")
    return {n.removeprefix("license__"): c[0].as_py() for n, c in (measured | license.judge(measured, config, "license")).items()}


def test_prose_has_a_say_only_where_nothing_else_has():
    text = "This work is licensed under CC BY-NC 4.0."
    alone = row(text, min_confidence=0.5, allow=["non-commercial"])
    assert (alone["spdx"], alone["scope"], alone["confidence"], alone["drop"]) == ("CC-BY-NC-4.0", "page", 0.45, "weak_evidence")
    assert alone["evidence"] == [{"kind": "prose", "value": text[:-1], "spdx": "CC-BY-NC-4.0", "locator": "text 0", "snippet": ""}]
    link = {"kind": "rel", "value": BY, "locator": "footer a", "snippet": ""}
    both = row(text, [link])
    assert (both["spdx"], both["class"], both["confidence"]) == ("CC-BY-4.0", "attribution", 0.8)
    assert [one["kind"] for one in both["evidence"]] == ["rel", "prose"]
    assert row(text, prose=False)["class"] == "unknown"


def test_sentences_that_differ_are_no_conflict_but_the_strictest():
    told = row("This work is licensed under CC BY 4.0.\n© 2020 Ann. All rights reserved.")
    assert (told["spdx"], told["class"], told["drop"]) == ("LicenseRef-all-rights-reserved", "all-rights-reserved", None)
    assert len(told["evidence"]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "this work ",
        "licensed under ",
        "all content under ",
        "the ",
        "a",
        "unless otherwise noted, ",
        "all rights reserved ",
        "public domain ",
        "stehen,",
    ],
)
def test_repetition_is_no_trap(text):
    started = time.process_time()
    of_prose(text * (300_000 // len(text)), page=True)
    of_prose(text * (300_000 // len(text)), page=False)
    assert time.process_time() - started < 5  # of work; each takes some 50 milliseconds


def test_the_gate_lets_through_what_would_be_found():
    import pyarrow.compute as pc

    texts = [
        "Dieses Werk ist lizenziert unter einer CC BY 4.0 Lizenz",
        "Licensed under\nthe MIT license",
        "This text is in the Public Domain",
    ]
    assert all(of_prose(text, page=True) for text in texts)
    assert pc.match_substring_regex(pa.array(texts), GATE).to_pylist() == [True] * 3


def test_precision_on_labels(shared):
    """Prose is precise or silent; recall is bounded by how many pages say it in words at all (bench_rights prose)."""
    total, right, wrong = told_in_cases(shared("license-scancode-a"))
    assert total >= 45
    assert right >= 0.95 * total, wrong
    labelled, found, right = told_on_pages(shared("extract-trafilatura-a"))
    assert right == found
    assert found >= 0.25 * labelled
