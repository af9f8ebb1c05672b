"""What datatrove decides, rule by rule: run by `parity` with the Python of an environment that has datatrove and spaCy.

Reads JSON lines from stdin: first [[module, class, arguments], …], then one text a line. Writes one JSON list a text: for each filter the
reason, or null where it keeps, or the name of the exception. Words are split once a text, whatever the number of filters. Where the first line is null, it
writes the words of each text.
"""

import importlib
import json
import sys
from functools import lru_cache

from datatrove.data import Document
from datatrove.utils import text as texts


def main():
    words = lru_cache(maxsize=2)(texts.split_into_words)
    asked = json.loads(sys.stdin.readline())
    if asked is None:
        for line in sys.stdin:
            print(json.dumps(texts.split_into_words(json.loads(line), "eng")))
        return
    filters = []
    for module, name, arguments in asked:
        home = importlib.import_module(f"datatrove.pipeline.filters.{module}")
        if hasattr(home, "split_into_words"):
            home.split_into_words = words
        filters.append(getattr(home, name)(**arguments))
    for line in sys.stdin:
        print(json.dumps([decision(each, json.loads(line)) for each in filters]))


def decision(each, text):
    try:
        kept = each.filter(Document(text=text, id="0"))
    except ZeroDivisionError as error:
        return type(error).__name__
    return None if kept is True else kept[1]


if __name__ == "__main__":
    main()
