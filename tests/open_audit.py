"""An audit of pipelines/open.yaml: whether every row that it keeps can be answered for, from the row alone and in other words than the steps use."""

from pathlib import Path

import curate
from curate.rights import expression, of_url, of_words

OPEN = {"public-domain", "permissive", "attribution"}
CLOSED_WORDS = ("all rights reserved", "alle rechte vorbehalten")


def audited(folder, inputs=(), overrides=()):
    """Run the recipe into a folder and audit it: (rows kept, rows that left). AssertionError, naming the row, for one without an answer."""
    path = Path(__file__).parents[1] / "pipelines" / "open.yaml"
    curate.run(path, inputs=inputs, output=folder, overrides=overrides, workers=1)
    run = curate.open(folder)
    kept = run.documents().to_table().to_pylist()
    for row in kept:
        _licence(row)
        _consent(row)
    left = run.removed().to_table(columns=["id", "removed_by"]).to_pylist()
    assert not {row["id"] for row in kept} & {row["id"] for row in left if row["removed_by"] != "read:same_record"}
    return len(kept), len(left)


def _licence(row):
    """A licence that lets anyone use the text, with a claim that names it, and no claim of equal standing that says otherwise."""
    where = f"{row['url']}: {row['open__spdx']} {row['open__evidence']}"
    assert set(row["open__flags"]) <= OPEN, where
    assert row["open__class"] in OPEN, where
    assert row["open__confidence"] >= 0.5, where
    assert row["open__scope"] in ("page", "document"), where
    named = [claim for claim in row["open__evidence"] if claim["spdx"] == row["open__spdx"]]
    assert named, where
    for claim in named:
        meant = of_url(claim["value"]) or of_words(claim["value"]) or expression(claim["spdx"])
        assert meant is not None, where
        assert meant.bits <= OPEN, where
    for claim in row["open__evidence"]:
        place = claim["locator"].split(" ")[0]
        if place in ("head", "footer", "header", "column", "text") and "json-ld" not in claim["locator"] and claim["spdx"]:
            said = of_url(claim["value"]) or of_words(claim["value"])
            assert said is None or said.bits <= OPEN, where
            assert not any(word in claim["snippet"].lower() for word in CLOSED_WORDS), where


def _consent(row):
    """A basis under a policy with a version, and no signal against training but one that a later carrier of TDMRep supersedes."""
    for step in ("consent", "host_consent"):
        where = f"{row['url']}: {step} {row[f'{step}__verdict']} {row[f'{step}__signals']}"
        if _approved(row, step):
            continue
        assert row[f"{step}__verdict"] in ("allow", "unknown"), where  # never `unseen`: no evidence is no permission
        assert row[f"{step}__basis"].startswith("strict/2 "), where
        against = [signal for signal in row[f"{step}__signals"] if signal["says"] in ("deny", "unclear") and signal["mechanism"] != "tdm"]
        assert not against, where
    host = row["host_consent__signals"]
    asked = any(signal["carrier"] == "robots.txt" for signal in host)
    assert asked or row["host_consent__verdict"] == "allow" or _approved(row, "host_consent"), row["url"]
    assert all(signal["observed"] for signal in host), row["url"]


def _approved(row, step):
    """Whether a steward with a name outweighed the step, as the row itself says."""
    said = [one for one in (row.get("overridden") or "").split(", ") if one.startswith(f"{step}:")]
    if said:
        assert row["steward__by"], row["url"]
        assert row["steward__scope"] == "agreement" or (row["steward__scope"], said) == ("consent", [f"{step}:held_consent"]), row["url"]
    return bool(said)
