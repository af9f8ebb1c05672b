"""Signals of media: what the evidence that the reader took from an image, a PDF or an EPUB (`curate.read.media`) says about training.

They speak of that file alone: never of the text of a page that shows it. c2pa.training-mining and cawg.training-mining: `notAllowed` and `constrained`
of training, generative training or data mining deny, `allowed` allows, inference says nothing here. plus:DataMining (IPTC 2023.1): all PROHIBITED terms
deny, ALLOWED allows, UNSPECIFIED says nothing. tdm:reservation as in TDMRep. A digital source type such as trainedAlgorithmicMedia is no wish, but is
told (`synthetic`). An assertion that is there and cannot be read is unclear.
"""

import json
from typing import Any

from curate.consent.policy import ALLOW, DENY, NONE, UNCLEAR, Signal

LICENCES = ("cc:license", "xmpRights:WebStatement", "dcterms:license", "license", "dc:rights", "dcterms:rights", "xmpRights:UsageTerms")
"""Names of evidence that may name a licence, the surest first."""
_MINING = ("ai_generative_training", "ai_training", "data_mining")
_USES = {"notAllowed": DENY, "constrained": DENY, "allowed": ALLOW}
_TERMS = {"UNSPECIFIED": NONE, "ALLOWED": ALLOW}


def evidence(text: str | None) -> list[dict[str, Any]]:
    """The reader's list, as it stands in the host table."""
    found = json.loads(text) if text else []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def signals(text: str | None, observed: str | None = None) -> list[Signal]:
    """What a file says about training."""
    made = [_signal(one) for one in evidence(text)]
    return [one._replace(observed=observed) for one in made if one is not None]


def licence(text: str | None) -> tuple[str, str] | None:
    """(name, value) of the surest statement of rights; None without one."""
    held = {one["name"]: str(one["value"]) for one in reversed(evidence(text))}
    return next(((name, held[name]) for name in LICENCES if name in held), None)


def _signal(one: dict[str, Any]) -> Signal | None:
    name, value, carrier = str(one.get("name")), one.get("value"), str(one.get("carrier"))
    if "training-mining" in name:
        return Signal("c2pa", carrier, f"{name} {json.dumps(value, sort_keys=True)}", _of_entries(value))
    if name == "plus:DataMining":
        term = str(value).rpartition("/")[2].removeprefix("DMI-")
        return Signal("iptc", carrier, str(value), DENY if term.startswith("PROHIBITED") else _TERMS.get(term, UNCLEAR))
    if name == "tdm:reservation":
        return Signal("tdm", carrier, str(value), {"1": DENY, "0": ALLOW}.get(str(value), UNCLEAR))
    if name in ("digitalSourceType", "Iptc4xmpExt:DigitalSourceType"):
        return Signal("synthetic", carrier, str(value), NONE) if "algorithmicmedia" in str(value).lower() else None
    return None


def _of_entries(entries: Any) -> str:
    """The strictest of what is said about training and mining."""
    if not isinstance(entries, dict) or not entries:
        return UNCLEAR
    said = [_USES.get(str(use), UNCLEAR) for name, use in entries.items() if name.partition(".")[2] in _MINING]
    return next((says for says in (DENY, UNCLEAR, ALLOW) if says in said), NONE)
