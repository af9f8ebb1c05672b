"""Where the time of a run goes, as a picture: seconds of work by step, summed over workers.

    python -m tests.bench.time_picture picture.svg [--run RUN] [--megabytes 300]

RUN is the folder of a finished run. Without one the shipped recipe runs here, in one process, over so many MB of HTML of crawl.py, and seconds are those of
the CPU, so that other work on the machine does not show.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.bench import crawl


def own(folder, megabytes):
    """A run of our own."""
    import pyarrow as pa

    from curate.engine.corpus import make
    from curate.engine.local import LocalEngine
    from curate.store import Store
    from tests.bench.bench_engine import recipe_over

    pa.set_cpu_count(1)
    time.perf_counter = time.process_time  # the clock that tasks read
    for name, size in (("warm", 1e6), ("run", megabytes * 1e6)):
        crawl.write(f"{folder}/crawl-{name}", int(size), files=16)
        make(recipe_over(f"{folder}/crawl-{name}"), Store(f"{folder}/{name}"), LocalEngine(1))
    return f"{folder}/run"


def spent(run):
    """Seconds by step."""
    seconds = Counter()
    for line in (Path(run) / "times.jsonl").read_text().splitlines():
        seconds.update(json.loads(line)["seconds"])
    return seconds


def draw(seconds, target):
    """The longest on top."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "curate", "svg.fonttype": "none"})
    from matplotlib import pyplot

    total = seconds.total()
    shown = [(step, value) for step, value in seconds.most_common() if value >= 0.005 * total][::-1]
    figure, axes = pyplot.subplots(figsize=(7, 0.32 * len(shown) + 0.8))
    axes.barh([step for step, _ in shown], [value for _, value in shown], color="#3b6ea5")
    for at, (_, value) in enumerate(shown):
        axes.text(value, at, f" {value / total:.1%}", va="center", fontsize=8)
    axes.set_xlabel(f"seconds of work, {total:.1f} in all")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    figure.savefig(target, bbox_inches="tight", metadata={"Date": None})


def main():
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("--run")
    parser.add_argument("--megabytes", type=float, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        draw(spent(options.run or own(folder, options.megabytes)), options.picture)


if __name__ == "__main__":
    main()
