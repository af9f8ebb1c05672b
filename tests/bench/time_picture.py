"""Where the time of a run goes, as a picture: seconds of work by step, summed over workers.

python -m tests.bench.time_picture RUN picture.svg
"""

import json
import sys
from collections import Counter
from pathlib import Path


def main():
    """Draw it; the longest on top."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "curate"
    from matplotlib import pyplot

    run, target = sys.argv[1:3]
    seconds = Counter()
    for line in (Path(run) / "times.jsonl").read_text().splitlines():
        seconds.update(json.loads(line)["seconds"])
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


if __name__ == "__main__":
    main()
