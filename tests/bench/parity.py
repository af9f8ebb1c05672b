"""Decisions of our filters beside datatrove's, rule by rule: python -m tests.bench.parity --datatrove PYTHON [--data FOLDER] [--report FILE].

PYTHON belongs to an environment with datatrove 0.10 and spaCy (`pip install datatrove "xxhash<4" fasttext-numpy2-wheel spacy`). Texts:
chapters and articles of `prose-heldout-a`; pages of three extraction sets, each twice: its main text by our `markup`, and all its text by
resiliparse, in which more rules fire; and texts made for rules of which these hold few (`parity_texts`). Each rule stands alone, all others
off, so that none hides another; the rules of C4, whose lines depend on each other, are compared by the reason that fired first. Without words
datatrove's rules divide by zero, so there whole filters are compared. Each difference has its cause (`parity_causes`). The report is Markdown.
"""

import argparse
import gzip
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

import pyarrow as pa
import zstandard
from resiliparse.extract.html2text import extract_plain_text

from curate import schema
from curate import stage as stages
from tests.bench.parity_causes import cause
from tests.bench.parity_texts import made

SETS = ("extract-aeb", "extract-trafilatura-a", "extract-wcxb-dev")
QUALITY = dict.fromkeys(
    (
        "min_doc_words",
        "max_doc_words",
        "min_avg_word_length",
        "max_avg_word_length",
        "max_symbol_word_ratio",
        "max_bullet_lines_ratio",
        "max_ellipsis_lines_ratio",
        "max_non_alpha_words_ratio",
        "min_stop_words",
    )
)
"""Limits of their Gopher quality, all off."""
REPETITION = dict.fromkeys(("dup_line_frac", "dup_para_frac", "dup_line_char_frac", "dup_para_char_frac")) | {
    "top_n_grams": [],
    "dup_n_grams": [],
}
FINEWEB = {"line_punct_thr": -1.0, "short_line_thr": 2.0, "char_duplicates_ratio": 2.0, "new_line_ratio": 1e9}
HOMES = {
    "gopher_quality": ("gopher_quality_filter", "GopherQualityFilter", QUALITY),
    "gopher_repetition": ("gopher_repetition_filter", "GopherRepetitionFilter", REPETITION),
    "fineweb": ("fineweb_quality_filter", "FineWebQualityFilter", FINEWEB),
}
RULES = [
    ("gopher_quality", "short_doc", "gopher_short_doc", {"min_doc_words": 50}),
    ("gopher_quality", "long_doc", "gopher_long_doc", {"max_doc_words": 100_000}),
    ("gopher_quality", "short_words", "gopher_below_avg_threshold", {"min_avg_word_length": 3}),
    ("gopher_quality", "long_words", "gopher_above_avg_threshold", {"max_avg_word_length": 10}),
    ("gopher_quality", "too_many_hashes", "gopher_too_many_hashes", {"max_symbol_word_ratio": 0.1}),
    ("gopher_quality", "too_many_ellipses", "gopher_too_many_ellipsis", {"max_symbol_word_ratio": 0.1}),
    ("gopher_quality", "too_many_bullets", "gopher_too_many_bullets", {"max_bullet_lines_ratio": 0.9}),
    ("gopher_quality", "too_many_end_ellipses", "gopher_too_many_end_ellipsis", {"max_ellipsis_lines_ratio": 0.3}),
    ("gopher_quality", "too_few_letters", "gopher_below_alpha_threshold", {"max_non_alpha_words_ratio": 0.8}),
    ("gopher_quality", "too_few_stop_words", "gopher_enough_stop_words", {"min_stop_words": 2}),
    ("gopher_repetition", "dup_paragraphs", "dup_para_frac", {"dup_para_frac": 0.3}),
    ("gopher_repetition", "dup_paragraph_chars", "dup_para_char_frac", {"dup_para_char_frac": 0.2}),
    ("gopher_repetition", "dup_lines", "dup_line_frac", {"dup_line_frac": 0.3}),
    ("gopher_repetition", "dup_line_chars", "dup_line_char_frac", {"dup_line_char_frac": 0.2}),
    *(("gopher_repetition", f"top_{n}_gram", f"top_{n}_gram", {"top_n_grams": [[n, x]]}) for n, x in ((2, 0.2), (3, 0.18), (4, 0.16))),
    *(
        ("gopher_repetition", f"dup_{n}_grams", f"duplicated_{n}_n_grams", {"dup_n_grams": [[n, x]]})
        for n, x in zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
    ),
    ("fineweb", "empty", "empty", {}),
    ("fineweb", "few_line_ends", "line_punct_ratio", {"line_punct_thr": 0.12}),
    ("fineweb", "short_lines", "short_line_ratio", {"short_line_thr": 0.67}),
    ("fineweb", "dup_line_chars", "char_dup_ratio", {"char_duplicates_ratio": 0.01}),
    ("fineweb", "list_like", "list_ratio", {"new_line_ratio": 0.3}),
]
"""(our stage, our rule, their reason, the limit that they need)."""
C4 = ("lorem_ipsum", "curly_bracket", "too_few_sentences")


def unpacked(path):
    return io.BufferedReader(zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(path.open("rb")))


def prose(data):
    """{name: text} of chapters and articles."""
    home = data / "prose-heldout-a"
    with unpacked(home / "standard_ebooks.jsonl.zst") as lines:
        found = {row["id"]: row["text"] for row in map(json.loads, lines)}
    articles = re.split(r"(?m)^(?= = [^=]+ = $)", gzip.decompress((home / "wikitext2_valid.txt.gz").read_bytes()).decode())
    return found | {f"wikitext/{i}": text for i, text in enumerate(articles) if text.strip()}


def pages(data, most):
    """{name: text}: the main text and all the text of at most so many pages a set."""
    raw = {}
    for name in SETS:
        with unpacked(data / name / "html.tar.zst") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            taken = 0
            for member in archive:
                if member.isfile() and taken < most:
                    raw[f"{name}/{member.name}"] = archive.extractfile(member).read()
                    taken += 1
    columns = {field.name: pa.nulls(len(raw), field.type) for field in schema.DOCUMENT} | {"raw": pa.array(raw.values(), pa.large_binary())}
    markup = stages.load("markup")
    main = markup.measure(pa.record_batch(columns), markup.config(), "markup")["text"].to_pylist()
    whole = {f"{name} (all)": extract_plain_text(html.decode("utf-8", "replace")) for name, html in raw.items()}
    return {f"{name} (main)": text for name, text in zip(raw, main, strict=True) if text} | whole


def peer(python, asked, texts):
    """What the peer answers to each text."""
    told = "\n".join(json.dumps(line) for line in [asked, *texts])
    command = [python, str(Path(__file__).with_name("parity_peer.py"))]
    done = subprocess.run(command, input=told, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def theirs(python, texts):
    """For each rule of RULES, then for the whole filters of HOMES, then for C4: their reason per text."""
    asked = [(home, name, off | limit) for stage, _, _, limit in RULES for home, name, off in [HOMES[stage]]]
    asked += [(home, name, {}) for home, name, _ in HOMES.values()]
    asked.append(("c4_filters", "C4QualityFilter", {"filter_no_terminal_punct": False}))
    return list(zip(*peer(python, asked, texts), strict=True))


def ours(texts):
    """{(stage, rule): (bool per text, measured value per text), (stage, None): the reason that fired first}."""
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    found = {}
    for name in (*HOMES, "c4"):
        stage = stages.load(name)
        config = stage.config(**({"words": "spacy"} if "words" in stage.config.model_fields else {}))
        measured = stage.measure(batch, config, "s")
        first = stage.judge(measured, config, "s")["s__drop"].to_pylist()
        found[name, None] = first
        empty = [reason == "empty" for reason in first]
        for rule in stage.rules:
            column = measured[schema.column("s", rule.measure)]
            fired = (
                [reason == rule.reason for reason in first] if name == "c4" else rule.holds(column, getattr(config, rule.limit)).tolist()
            )
            if rule.reason != "empty":  # which nobody can switch off over there
                fired = [one and not none for one, none in zip(fired, empty, strict=True)]
            found[name, rule.reason] = fired, column.to_pylist()
    return found


def compared(mine, told, named):
    """Per rule (stage, rule, texts, same, both, either, [(name, ours, value, theirs), …])."""
    pairs = [(stage, rule, reason, told[i]) for i, (stage, rule, reason, _) in enumerate(RULES)]
    pairs += [("c4", rule, rule, told[-1]) for rule in C4]
    for stage, rule, reason, answers in pairs:
        fired, values = mine[stage, rule]
        sides = list(zip(named, fired, values, answers, named.values(), strict=True))
        sides = [side[:4] for side in sides if not stage.startswith("gopher") or side[4].split()]
        differ = [(name, one, value, answer) for name, one, value, answer in sides if one != (answer == reason)]
        both = sum(one and answer == reason for _, one, _, answer in sides)
        yield stage, rule, len(sides), len(sides) - len(differ), both, both + len(differ), differ


def wordless(mine, told, named):
    """Lines of Markdown: what whole filters say of texts without words."""
    lines = ["| text | filter | ours | theirs | cause |", "|---|---|---|---|---|"]
    for i, stage in enumerate(HOMES):
        answers = zip(named.values(), mine[stage, None], told[len(RULES) + i], strict=True)
        for text, one, two in answers:
            if not text.split():
                same = (one is None) == (two is None)
                why = "" if same else "theirs removes the empty text before its rules; ours has nothing to measure"
                lines.append(f"| `{text!r}` | `{stage}` | {one or 'kept'} | {two or 'kept'} | {why} |")
    return lines


def causes(python, rows, named):
    """{name: their words} of the texts in which a rule differs."""
    names = sorted({name for *_, differ in rows for name, *_ in differ})
    return dict(zip(names, peer(python, None, [named[name] for name in names]), strict=True)) if names else {}


def report(rows, amount, named, words, empties):
    """Markdown: a table of rules, then one of differences."""
    lines = [
        "# Decisions beside datatrove 0.10",
        "",
        f"Made by `python -m tests.bench.parity {amount}`; each rule alone, default limits. Of {len(named)} texts "
        f"{sum(name.startswith('made/') for name in named)} are made for rules of which the others hold few.",
        "",
    ]
    lines += ["| filter | rule | texts | same | removed by both | by either | both / either |", "|---|---|---:|---:|---:|---:|---:|"]
    for stage, rule, texts, same, both, either, _ in rows:
        share = f"{both / either:.3f}" if either else "–"
        lines.append(f"| `{stage}` | `{rule}` | {texts} | {100 * same / texts:.2f} % | {both} | {either} | {share} |")
    lines += ["", "## Differences", "", "| filter | rule | text | ours | measured | theirs | cause |", "|---|---|---|---|---:|---|---|"]
    for stage, rule, *_, differ in rows:
        for name, fired, value, answer in differ:
            why = cause(named[name], words[name], value)
            lines.append(f"| `{stage}` | `{rule}` | {name} | {'removed' if fired else 'kept'} | {value} | {answer or 'kept'} | {why} |")
    lines += [
        "",
        "## Texts without words, whole filters",
        "",
        "There a rule alone divides by zero, or compares with no number.",
        "",
        *empties,
    ]
    return "\n".join(lines) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split(":")[0])
    arguments.add_argument("--datatrove", required=True, metavar="PYTHON")
    arguments.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    arguments.add_argument("--pages", type=int, default=200, help="pages of each set")
    arguments.add_argument("--prose", type=int, default=200, help="chapters and articles")
    arguments.add_argument("--report", type=Path)
    given = arguments.parse_args()
    named = dict(list(prose(given.data).items())[-given.prose :]) | pages(given.data, given.pages) | made()
    mine, told = ours(list(named.values())), theirs(given.datatrove, list(named.values()))
    rows = list(compared(mine, told, named))
    words = causes(given.datatrove, rows, named)
    text = report(rows, f"--pages {given.pages} --prose {given.prose}", named, words, wordless(mine, told, named))
    print(text)
    if given.report:
        given.report.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
