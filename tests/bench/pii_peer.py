"""The peer of bench_pii.py: datatrove's PIIFormatter itself, run by the Python of an environment that has datatrove 0.10.

    PYTHON tests/bench/pii_peer.py < texts.json

In: a list of texts. Out: for each, what a formatter that has seen nothing else makes of it, and what its patterns find: [first character, end, type].
"""

import json
import sys

from datatrove.pipeline.formatters.pii import PIIFormatter


def spans(formatter, text):
    """What the formatter's own patterns and checks find."""
    for kind, replacer in (("email", formatter.emails_replacer), ("ip", formatter.ip_replacer)):
        for match in replacer.regex.finditer(text):
            if replacer.validator is None or replacer.validator(match.group()):
                yield match.start(), match.end(), kind


def main():
    """Read, format, print."""
    made = []
    for text in json.load(sys.stdin):
        formatter = PIIFormatter()
        made.append({"text": formatter.format(text), "spans": list(spans(formatter, text))})
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
