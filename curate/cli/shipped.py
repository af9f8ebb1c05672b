"""The cards in `data_cards/`: made by running each shipped recipe over the sample, checked against what the generator says now.

    python -m curate.cli.shipped                    run every recipe of pipelines/, write NAME.md and NAME.json
    python -m curate.cli.shipped --check [RUN …]    no run: is the recipe still the one of the card? With finished runs: all that is stable

`NAME.md` is the card of a run on some machine; the sample is what is installed there, so its counts differ elsewhere. `NAME.json` holds what
does not: recipe, steps with their rules, columns, answers, and every field of every form with where it comes from.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from curate import api, recipe
from curate.card import publish
from curate.card.facts import load, recipe_digest
from curate.errors import CurateError, StoreError
from curate.recipe import yaml
from curate.store import Store

ROOT = Path(__file__).parents[2]
CARDS, PIPELINES = ROOT / "data_cards", ROOT / "pipelines"
AGAIN = "python -m curate.cli.shipped"


def stable(facts: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the machine."""
    steps = [{key: one[key] for key in ("step", "uses", "only", "rules")} for one in facts["steps"]]
    forms = {book.form: [[one.section, one.name, one.origin] for one in book.fields] for book in publish.forms(facts)}
    kept = {key: facts[key] for key in ("format", "name", "recipe", "inputs", "columns", "people")}
    return kept | {"steps": steps, "forms": forms}


def make(path: Path, folder: Path, cards: Path = CARDS, workers: int | None = None) -> None:
    """Run a recipe and write its card."""
    api.run(path, output=folder, workers=workers)
    store = Store(str(folder))
    cards.mkdir(exist_ok=True)
    (cards / f"{path.stem}.md").write_bytes(store.read(publish.README))
    text = json.dumps(stable(load(store)), indent=1, ensure_ascii=False, sort_keys=True)
    (cards / f"{path.stem}.json").write_text(text + "\n", encoding="utf-8")


def check(path: Path, run: Store | None, cards: Path = CARDS) -> None:
    """StoreError where a card is not what the generator would write now."""
    where = cards / f"{path.stem}.json"
    if not where.exists() or not where.with_suffix(".md").exists():
        raise StoreError(f"{where}: expected the card of a shipped recipe, got none; write it with `{AGAIN}`")
    told = json.loads(where.read_text(encoding="utf-8"))
    now = recipe_digest(yaml.parse(recipe.to_yaml(recipe.load(path)), path.name).data)
    if told["recipe"]["digest"] != now:
        raise StoreError(f"{where}: expected the recipe {now}, got {told['recipe']['digest']}; write the card anew with `{AGAIN}`")
    if run is None:
        return
    found = json.loads(json.dumps(stable(load(run))))
    for key in sorted(found.keys() | told.keys()):
        if found.get(key) != told.get(key):
            raise StoreError(f"{where}: expected {key} as in {run.root}, got another; write the card anew with `{AGAIN}`")


def main(arguments: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog=AGAIN, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="Write nothing, compare.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME_OR_RUN", help="Recipes to run (default: all); with --check, finished runs of them."
    )
    said = parser.parse_args(arguments)
    paths = sorted(PIPELINES.glob("*.yaml"))
    try:
        if said.check:
            runs = {load(Store(run))["name"]: Store(run) for run in said.names}
            for path in paths:
                check(path, runs.get(path.stem))
            return 0
        for path in paths:
            if not said.names or path.stem in said.names:
                with tempfile.TemporaryDirectory() as folder:
                    make(path, Path(folder) / path.stem)
    except CurateError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
