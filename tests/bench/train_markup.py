"""Fits curate/stages/markup_model.json: python -m tests.bench.train_markup OUTPUT.json [--folds 5] [FOLDER]. Needs lightgbm (pip install lightgbm).

Fitted on extract-wcxb-dev alone (WCXB, Murrough Foley 2026, CC-BY-4.0: the development split, made for this), without the pages of
sites that occur in another labelled set. The model is written first and measured on the other sets; then folds cut by registered
domain cross-validate the same recipe on WCXB (--folds 0: not). Run again, with the same versions of lightgbm and numpy, it writes the same
bytes: one thread, seeds, and no order that depends on a hash. About two minutes a fit on an idle core, 2 GB.

Steps: labels by alignment; scores of class words (the page's own site left out of its own features); a model of the page's kind; for
articles and for all pages a first stage, and a second one on out-of-fold probabilities of the first. Trees are extremely randomised
(Geurts et al. 2006): on other sites than those of the training they are better than trees of best splits.
"""

import argparse
import json
import math
from collections import defaultdict
from hashlib import sha256
from pathlib import Path

import lightgbm
import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.html_bytes import OF_BLOCKS, packed
from curate.kernels.html_features import features
from curate.kernels.html_forest import DEPTH, UNIT
from curate.kernels.html_names import NAMES, NUM_ANCESTORS, NUM_FEATURES, NUM_SUMS
from curate.kernels.html_page import NAMES_OF_KIND, OF_KIND, kind_of
from curate.kernels.html_scan import scan
from curate.kernels.html_trees import NAMES_OF_CONTEXT, NUM_CONTEXT, ONE, context
from curate.web import main_text
from tests.bench import markup_sets as sets
from tests.bench.markup_labels import shares

TREES = {"kind": 60, "first": 150, "second": 200}
GATE, PROSE, SHARE, LEAST, MOST = 400, 3000, 8000, 3000, 8000
FACTORS = {"articles": 1.0, "all pages": 1.0}
INNER, ALPHA, KEPT_NEGATIVES = 2, 3.0, 0.5
BLOCKS = {
    "objective": "binary", "learning_rate": 0.07, "num_leaves": 48, "max_depth": DEPTH, "min_data_in_leaf": 60, "feature_fraction": 0.5,
    "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 2, "max_bin": 63, "extra_trees": True, "force_col_wise": True,
    "use_missing": False, "seed": 1, "num_threads": 1, "deterministic": True, "verbosity": -1,
}  # fmt: skip
KIND = {
    **BLOCKS,
    "learning_rate": 0.08,
    "num_leaves": 7,
    "min_data_in_leaf": 15,
    "bagging_fraction": 0.8,
    "max_bin": 255,
    "extra_trees": False,
}
SAW = "extract-wcxb-dev (WCXB development split, Murrough Foley 2026, CC-BY-4.0), without the sites of the sets that it is measured on"


class Scanned:
    """One page in the kernels' hands: scan it, then ask."""

    def __init__(self, data):
        self.data, self.page = np.frombuffer(data, np.uint8), PAGES[0]
        self.out = np.empty(2 * len(data) + 64, np.uint8)
        scan(self.page, self.data, self.out, False)
        self.state = self.page["state"].copy()
        self.blocks = self.page["blocks"][: self.state[ht.NUM_BLOCKS]].copy()

    def texts(self):
        return [self.out[a:b].tobytes().decode() for a, b in self.blocks[:, [ht.START, ht.END]]]

    def features(self, scores):
        n = len(self.blocks)
        made = np.zeros((n, NUM_FEATURES + NUM_CONTEXT), np.float32)
        sums, above = np.empty((NUM_SUMS, n + 1), np.int64), np.empty((n, NUM_ANCESTORS), np.int32)
        groups, sections = np.empty(n, np.int32), np.empty(n, np.int32)
        count = features(self.page, self.data, self.out, scores, made, sums, above, groups, sections)
        return made, (sums, above, groups, count, sections)

    def token_shares(self, label):
        """(token, units, units of content) of every class word of elements with at most 85 % of the page."""
        elements = self.page["elements"][1 : self.state[ht.NUM_ELEMENTS]]
        units = np.cumsum([0, *self.blocks[:, ht.UNITS]]).astype(float)
        content = np.cumsum([0, *(self.blocks[:, ht.UNITS] * label)])
        first, last = elements[:, ht.FIRST], elements[:, ht.LAST]
        held, good = units[last] - units[first], content[last] - content[first]
        owner = np.repeat(np.arange(len(elements)), elements[:, ht.TOKENS_END] - elements[:, ht.TOKENS])
        used = ((held <= 0.85 * units[-1]) & (held > 0))[owner]
        tokens = self.page["tokens"][: self.state[ht.NUM_TOKENS]].astype(np.int64)
        return tokens[used], held[owner][used], good[owner][used]


PAGES = np.zeros(1, ht.SCANNED)


def in_bytes(made, scales=OF_BLOCKS):
    """uint8[rows, features]: the features as the trees compare them."""
    cells = np.empty(made.shape, np.uint8)
    packed(made, len(made), 0, made.shape[1], *scales, cells)
    return cells


def labelled(pages):
    """Those of the pages that can be learned from, with labels, weights and class words."""
    for page in pages:
        found = Scanned(page["data"])
        share = shares(found.texts(), page["text"]) if len(found.blocks) else None
        if share is not None:
            label = (share >= 0.5).astype(float)
            size = found.blocks[:, ht.UNITS] / ht.WORD_UNITS
            weight = np.minimum((size + 1) / ((size * label).sum() + 100) * 50, 15)  # every page counts about the same
            yield {**page, "label": label, "weight": weight, "tokens": found.token_shares(label)}


class ClassWords:
    """Log-odds of content by class word: means over sites of its share of content, smoothed."""

    def __init__(self, pages):
        by_site = defaultdict(list)
        for page in pages:
            by_site[page["site"]].append(page["tokens"])
        self.total, self.count, self.sites = np.zeros(65536), np.zeros(65536), {}
        for site, rows in by_site.items():
            token, units, content = (np.concatenate(column) for column in zip(*rows, strict=True))
            held = np.bincount(token, units, 65536)
            seen = np.flatnonzero(held)
            share = np.bincount(token, content, 65536)[seen] / held[seen]
            self.sites[site] = seen, share
            self.total[seen] += share
            self.count[seen] += 1
        self.prior = self.total.sum() / self.count.sum()

    def scores(self, without=None):
        """float32[65536], in hundredths; without one site."""
        total, count = self.total.copy(), self.count.copy()
        if without in self.sites:
            seen, share = self.sites[without]
            total[seen] -= share
            count[seen] -= 1
        mean = np.clip((total + ALPHA * self.prior) / (count + ALPHA), 1e-3, 1 - 1e-3)
        odds = np.log(mean / (1 - mean)) - np.log(self.prior / (1 - self.prior))
        odds[count < 0.5] = 0
        return np.round(odds, 2).astype(np.float32)


def fitted(x, y, weight, trees, params):
    """A booster; half of the negatives stand for all of them."""
    used = (y > 0) | (np.random.default_rng(3).random(len(y)) < KEPT_NEGATIVES)
    data = lightgbm.Dataset(x[used], y[used], weight=np.where(y > 0, weight, weight / KEPT_NEGATIVES)[used])
    return lightgbm.train(params, data, trees)


def probability(booster, x):
    return np.floor(booster.predict(x) * ONE + 0.5).astype(np.int64)


def folds(sites, n, seed):
    order = sorted(sites)
    np.random.default_rng(seed).shuffle(order)
    return {site: at % n for at, site in enumerate(order)}


def expert(pages, table, made):
    """(first stage, second stage) of a model of the blocks of such pages; made: the features of each."""
    ends = np.cumsum([0] + [len(rows) for rows in made])
    x, y, weight = np.concatenate(made), *(np.concatenate([page[name] for page in pages]) for name in ("label", "weight"))
    fold_of = folds({page["site"] for page in pages}, INNER, 5)
    fold = np.repeat([fold_of[page["site"]] for page in pages], np.diff(ends))
    out_of_fold = np.zeros(len(y), np.int64)
    own = x[:, :NUM_FEATURES]
    for k in range(INNER):
        other = fitted(own[fold != k], y[fold != k], weight[fold != k], TREES["first"], BLOCKS)
        out_of_fold[fold == k] = probability(other, own[fold == k])
    first = fitted(own, y, weight, TREES["first"], BLOCKS)
    for at, page in enumerate(pages):  # the second stage sees what a first stage says that has not seen the page
        rows, scanned = slice(ends[at], ends[at + 1]), Scanned(page["data"])
        floats, given = scanned.features(table.scores(page["site"]))
        context(scanned.page, out_of_fold[rows].copy(), *given, floats)
        x[rows] = in_bytes(floats)
    likely = out_of_fold >= GATE
    return first, fitted(x[likely], y[likely], weight[likely], TREES["second"], BLOCKS)


def kind_model(pages):
    """The booster that tells articles from other pages, on features without class words."""
    none = np.zeros(65536, np.float32)
    told = np.concatenate([kind_of(scanned.page, scanned.features(none)[0]) for scanned in (Scanned(page["data"]) for page in pages)])
    told = in_bytes(told, OF_KIND)
    return lightgbm.train(KIND, lightgbm.Dataset(told, np.array([page["type"] == "article" for page in pages], float)), TREES["kind"])


def flat(tree):
    """One tree as lists; bounds are bytes, leaves of UNIT."""
    made = {"feature": [], "bound": [], "left": [], "right": [], "value": []}

    def walk(node):
        if "leaf_value" in node:
            made["value"].append(round(node["leaf_value"] * UNIT))
            return ~(len(made["value"]) - 1)
        at = len(made["feature"])
        made["feature"].append(node["split_feature"])
        made["bound"].append(math.floor(node["threshold"]))
        made["left"].append(0)
        made["right"].append(0)
        made["left"][at], made["right"][at] = walk(node["left_child"]), walk(node["right_child"])
        return at

    walk(tree["tree_structure"])
    return made


def trees(booster):
    return "[\n" + ",\n".join(compact(flat(tree)) for tree in booster.dump_model()["tree_info"]) + "\n]"


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def write(path, pages):
    """Fits all and writes the model, a tree a line."""
    kind, table = kind_model(pages), ClassWords(pages)
    scores = table.scores()
    made = [in_bytes(Scanned(page["data"]).features(table.scores(page["site"]))[0]) for page in pages]
    articles = [at for at, page in enumerate(pages) if page["type"] == "article"]
    fits = {
        "articles": expert([pages[at] for at in articles], table, [made[at] for at in articles]),
        "all pages": expert(pages, table, made),
    }
    cut = {"prose": PROSE, "share": SHARE, "gate": GATE, "least": LEAST, "most": MOST}
    tokens = compact([[int(token), round(float(scores[token]) * 100)] for token in np.flatnonzero(scores)])
    lines = [f'"saw": {json.dumps(SAW)}', f'"cut": {json.dumps(cut)}', f'"features": {compact([*NAMES, *NAMES_OF_CONTEXT])}']
    lines += [f'"kind_features": {compact(NAMES_OF_KIND)}', f'"kind": {trees(kind)}', f'"tokens": {tokens}']
    experts = [
        f'{{"for": "{name}", "factor": {FACTORS[name]},\n"stages": [{trees(first)}, {trees(second)}]}}'
        for name, (first, second) in fits.items()
    ]
    path.write_text("{\n" + ",\n".join([*lines, '"experts": [\n' + ",\n".join(experts) + "\n]"]) + "\n}\n", encoding="utf-8")


def read_all(pages, path):
    model = main_text.load(path)
    return [main_text.main_text(page["data"], model).text for page in pages]


def cross_validated(pages, every, n, folder):
    """Prints F1 by fold, in all and by type of page. every: the pages of the set, those without labels too."""
    fold_of = folds({page["site"] for page in every}, n, 0)
    texts, truths = [], []
    for k in range(n):
        path = folder / f"fold-{k}.json"
        write(path, [page for page in pages if fold_of[page["site"]] != k])
        held = [page for page in every if fold_of[page["site"]] == k]
        texts += read_all(held, path)
        path.unlink()
        truths += held
        print(f"fold {k}:", tell("wcxb-dev", truths[-len(held) :], texts[-len(held) :]), flush=True)
    for kind in sorted({page["type"] for page in truths}):
        rows = [at for at, page in enumerate(truths) if page["type"] == kind]
        print(f"  {kind:14} {len(rows):4}", tell("wcxb-dev", [truths[at] for at in rows], [texts[at] for at in rows]))
    print("wcxb-dev, cross-validated by site:", tell("wcxb-dev", truths, texts), flush=True)


def tell(name, truths, texts):
    return "{:.4f} ({:.3f} {:.3f})".format(*sets.score(name, truths, texts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("folder", nargs="?", type=Path, default=sets.HERE)
    parser.add_argument("--folds", type=int, default=5)
    given = parser.parse_args()
    every = list(sets.pages("wcxb-dev", given.folder))
    pages = list(labelled(every))
    others = {page["site"] for name in sets.SETS if name != "wcxb-dev" for page in sets.pages(name, given.folder)}
    kept = [page for page in pages if page["site"] not in others]
    print(f"fitted on {len(kept)} of {len(pages)} pages; {len(pages) - len(kept)} are of sites of the other sets", flush=True)
    write(given.output, kept)
    print("sha256", sha256(given.output.read_bytes()).hexdigest())
    for name in sets.SETS:
        held = [page for page in every if page["site"] in others] if name == "wcxb-dev" else list(sets.pages(name, given.folder))
        print(f"{name}, {len(held)} pages that it has not seen:", tell(name, held, read_all(held, given.output)), flush=True)
    if given.folds:
        cross_validated(pages, every, given.folds, given.output.parent)


if __name__ == "__main__":
    main()
