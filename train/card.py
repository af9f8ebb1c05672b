"""The model card and the plot of a run, from its record and its shards' manifest: nothing is typed in by hand."""

import json
from pathlib import Path

import numpy as np

from curate.shards.reader import Corpus
from train.loop import Summary


def write_card(output: Path, corpus: Corpus, summary: Summary) -> Path:
    """OUTPUT/README.md: what the model is, which corpus and tokenizer, which licences with how many tokens, how good it is."""
    config, ledger, evaluation, totals = summary.config, summary.ledger, summary.evaluation, corpus.manifest["totals"]
    model = config.model
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "---",
        "",
        f"# A decoder of {summary.num_parameters:,} parameters",
        "",
    ]
    lines += [
        f"Trained for {summary.step:,} of {config.steps:,} steps on {ledger.trained:,} tokens of the corpus `{corpus.corpus_id}`.",
        "Open a folder below `checkpoints/` with `transformers.AutoModelForCausalLM.from_pretrained`.",
        "",
        "| | |",
        "|---|---|",
        f"| layers, width, heads (key heads) | {model.depth}, {model.width}, {model.heads} ({model.kv_heads}) |",
        f"| context | {model.context:,} tokens |",
        f"| batch | {config.batch_tokens:,} tokens |",
        f"| seed | {config.seed} |",
        f"| plan | `{summary.plan_id}` |",
        f"| speed | {_speed(summary)} |",
        f"| loss, last step | {summary.loss:.4f} nats a token |",
    ]
    if evaluation is None:
        lines += ["| held-out bits per byte | not measured: the run is unfinished |"]
    else:
        measured = f"{evaluation.bits_per_byte:.4f} on {evaluation.documents:,} documents, {evaluation.bytes:,} bytes"
        unigram = f"{evaluation.unigram_bits_per_byte:.4f}; this model needs {100 * evaluation.improvement:.1f} % less"
        between = f"{evaluation.low:.4f} to {evaluation.high:.4f}, 95 % bootstrap over documents"
        lines += [f"| held-out bits per byte | {measured} |", f"| interval | {between} |", f"| unigram model on the same | {unigram} |"]
        lines += [
            "",
            "## Held-out bits per byte by source, licence and language",
            "",
            "| | documents | bits per byte | 95 % interval |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {group.kind}: {_cell(group.name)} | {group.documents:,} | {group.bits_per_byte:.4f} | {group.low:.4f} to {group.high:.4f} |"
            for group in evaluation.groups
        ]
    tokenizer = corpus.manifest["tokenizer"]
    size = f"{totals['documents']:,} documents, {totals['tokens']:,} tokens, {totals['text_bytes']:,} bytes of text"
    shards = len(corpus.manifest["shards"])
    lines += ["", "## Data", "", f"Corpus `{corpus.corpus_id}`: {size}, in {shards} shard{'s' * (shards != 1)}."]
    lines += [f"Tokenizer `{tokenizer['fingerprint']}`, {tokenizer['vocab_size']:,} entries.", ""]
    lines += ["| tokens | count |", "|---|---|"]
    lines += [f"| {name.replace('_', ' ')} | {getattr(ledger, name):,} |" for name in ledger.__dataclass_fields__]
    lines += ["", "| source | tokens trained on | passes over it |", "|---|---|---|"]
    lines += [f"| {_cell(name)} | {count:,} | {passes:.2f} |" for name, (count, passes) in summary.by_source.items()]
    if config.mix:
        lines += ["", "| weights from step | " + " | ".join(_cell(name) for name, _ in config.mix[0].weights) + " |"]
        lines += ["|---" * (1 + len(config.mix[0].weights)) + "|"]
        lines += [
            f"| {stage.row // config.rows} | " + " | ".join(str(weight) for _, weight in stage.weights) + " |" for stage in config.mix
        ]
    for title, key in (("licence", "license_tokens"), ("source", "source_tokens")):
        lines += ["", f"| {title} | tokens in the corpus | share |", "|---|---|---|"]
        counts = sorted(totals[key].items(), key=lambda item: (-item[1], item[0]))
        lines += [f"| {_cell(name)} | {count:,} | {100 * count / totals['tokens']:.1f} % |" for name, count in counts]
    lines += [
        "",
        "## Limits",
        "",
        "A base model: it continues text and follows no instructions. It was evaluated on held-out text of its own corpus only.",
    ]
    path = output / "README.md"
    path.write_text("\n".join(lines) + "\n")
    return path


def _speed(summary: Summary) -> str:
    """Tokens a second, and the share of the peak where one is known."""
    told = f"{summary.tokens_per_second:,.0f} tokens a second"
    if summary.mfu is None or summary.mfu_exact is None:
        return told
    return f"{told}; MFU {100 * summary.mfu:.1f} % by PaLM's count, {100 * summary.mfu_exact:.1f} % exactly, of {summary.peak}"


def _cell(text: str) -> str:
    """Text that cannot break a table."""
    return text.replace("|", "\\|").replace("\n", " ") or "(none)"


def smooth(losses: list[float | None]) -> list[float]:
    """The mean of the last fiftieth of the run at each step; steps whose loss is no number are left out."""
    values = np.array([np.nan if loss is None else loss for loss in losses], dtype=float)
    known, width = np.isfinite(values), max(1, len(losses) // 50)
    sums, counts = (np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(known, values, 0.0), known))
    low = np.maximum(0, np.arange(len(losses)) + 1 - width)
    with np.errstate(invalid="ignore"):
        return ((sums[1:] - sums[low]) / (counts[1:] - counts[low])).tolist()


def plot(output: Path) -> Path | None:
    """OUTPUT/loss.svg: loss by step with its moving mean, and bits per byte where it was measured; None where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    metrics = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    evaluated = [m for m in metrics if "bits_per_byte" in m]
    figure, left = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    steps, losses = ([m[name] for m in metrics] for name in ("step", "loss"))
    left.plot(steps, losses, color="tab:blue", linewidth=0.5, alpha=0.35)
    left.plot(steps, smooth(losses), color="tab:blue", linewidth=1.8)
    left.set_xlabel("step")
    left.set_ylabel("loss (nats a token)", color="tab:blue")
    if evaluated:
        right = left.twinx()
        right.plot([m["step"] for m in evaluated], [m["bits_per_byte"] for m in evaluated], "o-", color="tab:orange")
        right.axhline(evaluated[-1]["unigram_bits_per_byte"], color="tab:orange", linestyle=":", label="unigram model")
        right.set_ylabel("held-out bits per byte", color="tab:orange")
        right.legend(loc="upper right")
    path = output / "loss.svg"
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
