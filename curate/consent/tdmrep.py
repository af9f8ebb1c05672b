"""TDMRep's file of a host, `/.well-known/tdmrep.json`: an array of rules, of which the first whose location fits holds."""

import json

from curate.consent.paths import first
from curate.consent.policy import ALLOW, DENY, NONE, UNCLEAR, Signal

CARRIER = "tdmrep.json"
MAX_RULES = 10_000


def signal(text: str, path: str) -> Signal:
    """What the file says about a path: 1 reserves, 0 does not; no rule says nothing; what is no such file is unclear."""
    try:
        rules = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return Signal("tdm", CARRIER, text[:80], UNCLEAR)
    if not isinstance(rules, list) or len(rules) > MAX_RULES or not all(isinstance(one, dict) for one in rules):
        return Signal("tdm", CARRIER, text[:80], UNCLEAR)
    located = [(one["location"], one) for one in rules if isinstance(one.get("location"), str)]
    rule = first(located, path)
    if rule is None:
        return Signal("tdm", CARRIER, "no rule for it", NONE)
    said = rule.get("tdm-reservation")
    says = {1: DENY, 0: ALLOW}.get(said, UNCLEAR) if type(said) is int else UNCLEAR
    return Signal("tdm", CARRIER, json.dumps(rule, ensure_ascii=False)[:300], says)
