"""MB of text a second and core of `classifier` and `perplexity`, fastText beside the former: python -m tests.bench.bench_models [FOLDER].

Text: the main text of the pages of FOLDER's extract-aeb, twenty times. The quality model is trained on half of the pages against the other half: its
worth is none, its size is real (dim 32, 200,000 buckets, pairs of words); the n-gram model on all of them, order 3. CPU seconds, least of five rounds.
"""

import sys
import tempfile
from pathlib import Path

import fasttext as peer
import pyarrow as pa

from curate import stage as stages
from curate.arrow import utf8
from curate.models import ngram
from curate.models.train_classifier import Documents, Options, train
from tests.bench.bench_language import timed, web


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data"
    texts = web(folder)
    size = sum(len(text.encode()) for text in texts) * 20 / 1e6
    given = pa.record_batch({"text": pa.array(texts * 20, pa.large_string())})
    print(f"{len(texts)} pages, {size:.0f} MB")
    with tempfile.TemporaryDirectory() as made:
        quality, model = Path(made) / "q.bin", Path(made) / "m.arrow"
        labels = [row % 2 for row in range(len(texts))]
        documents = Documents([text.encode() for text in texts], labels)
        seconds = timed(lambda: quality.write_bytes(train(documents, ("hq", "cc"), Options())))
        print(
            f"classifier train: {size / 20 * Options().epochs / seconds:.1f} MB/s a pass (all {Options().epochs} and the file: {seconds:.1f} s)"
        )
        view = utf8(pa.array(texts, pa.large_string()))
        seconds = timed(lambda: ngram.save(ngram.train(*ngram.words_of(view.offsets, view.data), 3, 2), model))
        print(f"perplexity train: {size / 20 / seconds:.1f} MB/s")
        theirs = peer.load_model(str(quality)).f
        lines = [text.replace("\n", " ") + "\n" for text in texts]
        print(
            f"classifier, fastText: {size / 20 / min(timed(lambda: [theirs.predict(one, 2, -1.0, 'replace') for one in lines]) for _ in range(5)):.1f} MB/s"
        )
        for name, path in (("classifier", quality), ("perplexity", model)):
            stage = stages.load(name)
            config = stage.config(model=str(path))
            stage.measure(given.slice(0, 1), config, name)
            print(f"{name}: {size / min(timed(lambda s=stage, c=config, n=name: s.measure(given, c, n)) for _ in range(5)):.1f} MB/s")


if __name__ == "__main__":
    main()
