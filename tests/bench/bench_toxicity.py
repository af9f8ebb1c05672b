"""Toxicity: what lists and a fastText model find on labelled data, by language and by group named: python -m tests.bench.bench_toxicity [FOLDER].

Comments: safety-surge-toxicity (1,000 English comments, half toxic). Prompts: safety-openai-moderation (1,680, any category that is labelled).
Groups: HateCheck's sentences that are not hateful, by the group they name: how often is each flagged, and how that compares with the others.
Languages: how often everyday sentences of lid-tatoeba, which nobody would call toxic, are flagged by the list of their own language and by all lists
together. Lists: safety-wordlists (LDNOOBW, which C4 used). The model is trained on the odd comments with `curate classifier train`'s code and judged
on the even ones and on the prompts.
"""

import csv
import gzip
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard

from curate import stage as stages
from curate.card.balance import wilson
from curate.card.identity import ratio_of
from curate.models import evaluation
from curate.stages.toxicity import Config
from tests.bench.bench_language import timed
from tests.stages.test_toxicity import figures, rows, run, trained

NAMES = {"deu": "de", "fra": "fr", "spa": "es", "ita": "it", "por": "pt", "rus": "ru", "cmn": "zh", "jpn": "ja", "nld": "nl", "pol": "pl", "ces": "cs",
         "tur": "tr", "swe": "sv", "dan": "da", "fin": "fi", "hun": "hu", "ara": "ar", "hin": "hi", "kor": "ko", "tha": "th", "eng": "en"}  # fmt: skip
"""ISO 639-3, as Tatoeba has it → 639-1, as the lists and our `language` have it."""


def prompts(folder):
    """(text, toxic by any category)."""
    lines = gzip.decompress((folder / "safety-openai-moderation" / "samples-1680.jsonl.gz").read_bytes()).decode().splitlines()
    read = [json.loads(line) for line in lines if line.strip()]
    return [(one["prompt"], any(one.get(key) == 1 for key in ("S", "S3", "H", "H2", "V", "V2", "HR", "SH"))) for one in read]


def hatecheck(folder):
    """(sentence, hateful, group named)."""
    data = gzip.decompress((folder / "safety-hatecheck" / "test_suite_cases.csv.gz").read_bytes()).decode()
    return [(row["test_case"], row["label_gold"] == "hateful", row["target_ident"]) for row in csv.DictReader(io.StringIO(data))]


def by_label(name, data, out, model):
    """One line for the list, one for the model."""
    toxic = np.array([label for _, label in data])
    ways = [("list", np.array(out["num_listed"]) > 0)] + ([("model > 0.5", np.array(out["score"]) > 0.5)] if model else [])
    for way, flagged in ways:
        precision, recall = figures(flagged, toxic)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(f"{name:34} {way:12} n {len(data):5}  toxic {toxic.mean():5.1%}  P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}")
    if model:
        print(f"{name:34} {'model':12} AUC {evaluation.report(np.array(out['score']), toxic.astype(int))['auc']:.3f}")


def languages(folder, lists):
    """Everyday sentences flagged, by language."""
    lines = zstandard.ZstdDecompressor().stream_reader((folder / "lid-tatoeba" / "lid.tsv.zst").read_bytes()).read().decode().splitlines()
    texts = {}
    for line in lines:
        language, _, text = line.partition("\t")
        if language in NAMES:
            texts.setdefault(NAMES[language], []).append(text)
    print("\neveryday sentences that are flagged, by language: own list, all lists together")
    for language, some in sorted(texts.items()):
        own = run(some, Config(by_language={language: [str(lists / f"{language}.txt")]}), [language] * len(some))["num_listed"]
        every = run(some, Config(word_files=sorted(map(str, lists.glob("*.txt")))))["num_listed"]
        shares = [sum(n > 0 for n in found) / len(some) for found in (own, every)]
        print(f"  {language}  {len(some):5} sentences   {shares[0]:7.2%}   {shares[1]:7.2%}")


def groups(folder, config):
    """Sentences that are not hateful, flagged by the group that they name."""
    fine = [(text, group) for text, hateful, group in hatecheck(folder) if not hateful and group]
    out = run([text for text, _ in fine], config)
    ways = {"list": np.array(out["num_listed"]) > 0, "model > 0.5": np.array(out["score"]) > 0.5}
    named = np.array([group for _, group in fine])
    print("\nsentences of HateCheck that are not hateful and are flagged, by the group they name; ratio to all other groups")
    for way, flagged in ways.items():
        for group in sorted(set(named)):
            mine, others = flagged[named == group], flagged[named != group]
            ratio, low, high = ratio_of(int(mine.sum()), len(mine), int(others.sum()), len(others))
            spread = "{:.1%} to {:.1%}".format(*wilson(int(mine.sum()), len(mine)))
            print(f"  {way:12} {group:20} {len(mine):4}  {mine.mean():6.1%} ({spread})  ratio {ratio:.2f} ({low:.2f} to {high:.2f})")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data"
    lists = folder / "safety-wordlists" / "ldnoobw"
    comments = rows(folder / "safety-surge-toxicity")
    with tempfile.TemporaryDirectory() as scratch:
        model = trained(comments[1::2], Path(scratch) / "m.bin")
        config = Config(word_files=[str(lists / "en.txt")], model=model)
        even, asked = comments[::2], prompts(folder)
        by_label("comments (safety-surge-toxicity)", even, run([text for text, _ in even], config), True)
        by_label("prompts (safety-openai-moderation)", asked, run([text for text, _ in asked], config), True)
        tested = [(text, hateful) for text, hateful, _ in hatecheck(folder)]
        by_label("sentences (safety-hatecheck)", tested, run([text for text, _ in tested], config), True)
        groups(folder, config)
        languages(folder, lists)
        texts = [text for text, _ in comments + asked] * 20
        batch, stage = pa.record_batch({"text": pa.array(texts, pa.large_string())}), stages.load("toxicity")
        size = sum(len(text.encode()) for text in texts)
        for name, made in (("list", Config(word_files=[str(lists / "en.txt")])), ("list and model", config)):
            best = min(timed(lambda made=made: stage.measure(batch, made, "toxicity")) for _ in range(5))
            print(f"{name}: {size / 1e6 / best:.0f} MB/s of text ({size / 1e6:.0f} MB)")


if __name__ == "__main__":
    main()
