"""decontaminate on one core: speed on clean prose, false alarms there, and what is found in texts that hold benchmark items.

    python -m tests.bench.bench_decontaminate

Needs the labelled data beside the checkout (../shared/data: bench-eval, prose-heldout-a). Clean text: chapters of novels and articles of
Wikipedia, cut into documents of 2 kB. Contaminated text: solutions of GSM8K by four models, and logs of Codex on BIG-Bench-Hard. CPU time.
decon (github.com/allenai/decon) states 34 microseconds a document, on a whole machine.
"""

import gzip
import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import SHARED

from curate.stage import load
from curate.stages import decontaminate

REPEATS = 5


def lines(path):
    return [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()]


def measured(texts, config):
    """The columns of a batch and the median of CPU seconds."""
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    seconds = []
    for _ in range(REPEATS):
        started = time.process_time()
        columns = load("decontaminate").measure(batch, config, "d")
        seconds.append(time.process_time() - started)
    return columns, float(np.median(seconds))


def told(name, texts, config):
    columns, seconds = measured(texts, config)
    found = Counter(hit["benchmark"] for hits in columns["d__hits"].to_pylist() for hit in hits)
    hit = sum(number > 0 for number in columns["d__num_items"].to_pylist())
    speed = f"{1e6 * seconds / len(texts):9.1f} µs a document {sum(map(len, texts)) / 1e6 / seconds:7.1f} MB/s"
    print(f"{name:38} {hit:6,} of {len(texts):6,} hit {speed}   {dict(found.most_common(3)) or ''}")


def main():
    if not SHARED.is_dir():
        sys.exit(f"bench_decontaminate: expected labelled data, got no folder {SHARED}; put it beside the checkout")
    benches, prose = SHARED / "bench-eval", SHARED / "prose-heldout-a"
    files = sorted(path for path in benches.iterdir() if path.suffix in (".gz", ".zst"))
    config = decontaminate.Config(against=tuple(map(str, files)))
    measured(["compile"], config)
    decontaminate._searched.cache_clear()
    started = time.process_time()
    searched = decontaminate.searched(config)
    seconds = time.process_time() - started
    print(
        f"index of {len(searched.items):,} items of {len(files)} benchmarks: {seconds:.1f} s; {int(searched.searchable.sum()):,} can be found\n"
    )
    texts = [one["text"] for one in lines(prose / "standard_ebooks.jsonl.zst")]
    texts.append(gzip.decompress((prose / "wikitext2_valid.txt.gz").read_bytes()).decode())
    told("clean prose, 2 kB", [text[i : i + 2000] for text in texts for i in range(0, len(text), 2000)], config)
    told("clean prose, whole", texts, config)
    solved = lines(benches / "contaminated" / "gsm8k_model_solutions.jsonl.zst")
    told("GSM8K with solutions", [f"{one['question']}\n{one['6b_finetuning']['solution']}" for one in solved], config)
    told("logs on BIG-Bench-Hard", [one["text"] for one in lines(benches / "contaminated" / "bbh_codex_outputs.jsonl.zst")], config)


if __name__ == "__main__":
    main()
