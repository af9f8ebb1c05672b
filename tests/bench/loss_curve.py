"""The sample corpus learned for ten minutes on this CPU, and the picture of it.

    python -m tests.bench.loss_curve [--minutes 10]

Builds runs/web with pipelines/web.yaml where it is not there, trains into runs/web/train-10, prints the table of the run, and lays its loss curve
down as pipelines/web-loss.svg.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "pipelines" / "web-loss.svg"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--run", type=Path, default=ROOT / "runs" / "web", help="a run of pipelines/web.yaml, made where it is not there")
    wanted = options.parse_args()
    if not (wanted.run / "shards" / "manifest.json").exists():
        command = ["curate", "run", str(ROOT / "pipelines" / "web.yaml"), "--output", str(wanted.run)]
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    output = wanted.run / f"train-{wanted.minutes:g}"
    command = [
        "train",
        "--shards",
        str(wanted.run / "shards"),
        "--output",
        str(output),
        "--minutes",
        str(wanted.minutes),
        "--device",
        "cpu",
    ]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    shutil.copyfile(output / "loss.svg", PICTURE)
    print(f"{PICTURE.relative_to(ROOT)} is the loss curve; {output / 'README.md'} the model card")


if __name__ == "__main__":
    main()
