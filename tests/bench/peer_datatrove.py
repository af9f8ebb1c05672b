"""The peer of bench_pipeline.py: datatrove's FineWeb recipe (its examples/fineweb.py), run by the Python of an environment that has datatrove 0.10.

    PYTHON tests/bench/peer_datatrove.py INPUT OUTPUT LID_MODEL WORKERS [trafilatura|resiliparse|none]

Steps: WARC, extraction, language, Gopher (repetition, quality), C4, FineWeb, MinHash in four stages. `none`: the input is JSONL of texts.
"""

import os
import sys
import time

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.extractors.base import BaseExtractor
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LanguageFilter
from datatrove.pipeline.readers import JsonlReader, WarcReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils import lid
from datatrove.utils.hashing import HashConfig

MODEL = "BENCH_LID_MODEL"
if MODEL in os.environ:  # datatrove's workers import this file anew; they are to load the model from here too
    lid.FT176LID.MODEL_URL = os.environ[MODEL]
    lid.cached_asset_path_or_download = lambda path, **_: path


class Resiliparse(BaseExtractor):
    """resiliparse's main text, as datatrove's own extractors are written."""

    name = "resiliparse"

    def __init__(self):
        super().__init__(timeout=5)

    def extract(self, text):
        """Main content only."""
        from resiliparse.extract.html2text import extract_plain_text

        return extract_plain_text(text, main_content=True)


def main():
    """Print `seconds <what> <number>` lines."""
    source, target, model, workers, extractor = sys.argv[1:6]
    workers = int(workers)
    if MODEL not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {MODEL: model})
    if extractor == "none":
        begin = [JsonlReader(source)]
    else:
        begin = [WarcReader(source), Resiliparse() if extractor == "resiliparse" else Trafilatura(favour_precision=True, timeout=5)]
    filters = [
        LanguageFilter(),
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]
    config = MinhashConfig(hash_config=HashConfig(hash_fc="sha1", precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    stages = {
        "filter": ([*begin, *filters, JsonlWriter(f"{target}/kept")], workers),
        "signatures": ([JsonlReader(f"{target}/kept"), MinhashDedupSignature(f"{target}/signatures", config=config)], workers),
        "buckets": ([MinhashDedupBuckets(f"{target}/signatures", f"{target}/buckets", config=config)], config.num_buckets),
        "cluster": ([MinhashDedupCluster(f"{target}/buckets", f"{target}/ids", config=config)], 1),
        "dedup": ([JsonlReader(f"{target}/kept"), MinhashDedupFilter(f"{target}/ids"), JsonlWriter(f"{target}/final")], workers),
    }
    for name, (pipeline, tasks) in stages.items():
        started = time.perf_counter()
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=min(workers, tasks), logging_dir=f"{target}/logs/{name}").run()
        print("seconds", name, time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
