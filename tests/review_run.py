"""A small run for the tests of the desk: every kind of thing that a person may have to look at.

Prose of two sources and several domains; pages that repeat their lines, are too short, are copies or nearly copies of others; licences of
several kinds; addresses of people; markup that wants to be a script; right-to-left text; one page of five megabytes.
"""

import json
import random
from pathlib import Path

SOURCES = ("news", "forum")
HOSTS = ("harbour.example", "www.boats.example", "forum.nets.example.org", "blog.fish.example", "spam.example")
LICENSES = ("CC-BY-4.0", "CC0-1.0", None, "All rights reserved")
PROSE = (
    "the harbour was quiet in the early morning and the boats that came back with nets full of fish have waited along the wall while people "
    "talked about the weather to be expected and about what the sea would bring to them before winter came with its storms and long nights"
)
WORDS = PROSE.split()
SCRIPT = '<script>document.title="taken"</script><img src=x onerror="document.title=\'taken\'"> &lt;b&gt; '
ARABIC = "كان الميناء هادئا في الصباح الباكر وعادت القوارب بشباك مليئة بالأسماك بينما انتظر الناس على طول الجدار"
OVERRIDE = "abc\u202edef\u2066ghi"
LARGE_BYTES = 5_000_000


def prose(rng: random.Random, words: int) -> str:
    """Sentences that no rule of the recipe removes."""
    sentences = []
    while words > 0:
        count = rng.randint(7, 14)
        sentences.append(" ".join(rng.choice(WORDS) for _ in range(count)).capitalize() + ".")
        words -= count
    return "\n".join(" ".join(sentences[i : i + 4]) for i in range(0, len(sentences), 4))


def documents(large: bool = True) -> list[dict]:
    """In a fixed order; `kind` says what each is there for."""
    rng = random.Random(5)
    made: list[dict] = []

    def add(kind: str, text: str, host: str | None = None) -> None:
        number = len(made)
        made.append(
            {
                "id": f"doc-{number}",
                "kind": kind,
                "url": f"https://{host or HOSTS[number % 4]}/{kind}/{number}",
                "text": text,
                "license": LICENSES[number % 4],
                "fetched_at": f"2024-05-{1 + number % 28:02}T03:02:01Z",
            }
        )

    for _ in range(40):
        add("prose", prose(rng, rng.randint(70, 300)))
    for _ in range(12):
        add("short", prose(rng, rng.randint(20, 40)))
    for _ in range(8):
        line = prose(rng, 9)
        add("repeats", "\n".join([prose(rng, 60), *[line] * 12]))
    for number in range(6):
        add("copy", made[number]["text"], "spam.example")
    for number in range(6):
        words = made[10 + number]["text"].split(" ")
        words[len(words) // 2] = "changed"
        add("nearly", " ".join(words), "mirror.example")
    for number in range(5):
        add("people", f"{prose(rng, 60)}\nWrite to keeper{number}@harbour.example.net or to 81.2.69.{number + 1} today.\n{prose(rng, 60)}")
    add("script", SCRIPT + prose(rng, 90))
    add("arabic", f"{ARABIC}. " * 12)
    add("turned", OVERRIDE + " " + prose(rng, 80))
    add("empty", "")
    add("odd", prose(rng, 90), "<script>alert(1)</script>.test")
    for _ in range(4):
        add("spam", prose(rng, 90), "spam.example")
    if large:
        add("large", (prose(rng, 4000) + "\n") * (LARGE_BYTES // 20_000))
    return made


def write_input(folder: Path, large: bool = True) -> Path:
    """One JSONL file for each source."""
    folder.mkdir(parents=True, exist_ok=True)
    made = documents(large)
    for number, source in enumerate(SOURCES):
        lines = [json.dumps(one, ensure_ascii=False) for one in made[number::2]]
        (folder / f"{source}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def recipe(folder: Path | str, **changes) -> dict:
    """The steps whose verdicts the desk shows."""
    base = {
        "name": "harbour",
        "input": [{"uri": f"{folder}/{source}.jsonl", "source": source} for source in SOURCES],
        "steps": [
            {"license": {}},
            {"gopher_repetition": {}},
            {"gopher_quality": {"min_words": 50, "min_stop_words": 0, "min_mean_word_length": 2.0, "min_alpha_words": 0.5}},
            {"pii": {}},
            {"exact_dedup": {}},
            {"near_dedup": {"ngram": 3, "bands": 20, "rows": 5, "min_similarity": 0.8}},
        ],
        "limits": {"part_bytes": 20_000, "row_group_rows": 16},
    }
    return base | changes
