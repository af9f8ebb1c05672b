"""decontaminate: items found and named, clean texts left alone, every file told, and the slow twin agreed with."""

import gzip
import json
import random

import naive_contamination as naive
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curate import benchmarks
from curate.errors import SourceError
from curate.stage import load
from curate.stages import decontaminate as module

stage = load("decontaminate")
QUESTION = (
    "A train leaves the old station at seven with forty passengers, and at each of three stops five of them get off. How many are left?"
)
CLEAN = "Nothing in this paragraph was ever asked of anyone; it only stands here so that there is text around the place that matters."


def written(folder, records, name="exam.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def run(texts, **fields):
    config = stage.config(**fields)
    columns = stage.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "d")
    names = [name.removeprefix("d__") for name in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*(column.to_pylist() for column in columns.values()), strict=True)]


def test_an_item_is_found_and_named(tmp_path):
    other = {"question": "Who painted the ceiling of the chapel in the palace of the popes in Rome?", "id": "q1"}
    exam = written(tmp_path, [other, {"question": QUESTION, "answer": "25", "id": "q2"}])
    text = f"{CLEAN}\n{QUESTION.upper().replace(',', ' –')}\nThe answer is 25.\n{CLEAN}"
    hit, clean = run([text, CLEAN], against=[exam])
    assert (hit["benchmark"], hit["item"], hit["overlap"], hit["num_items"]) == ("exam", "q2", 1.0, 1)
    assert (hit["drop"], hit["value"], hit["threshold"], hit["text"]) == ("contaminated", "1.0", ">= 0.5", text)
    span = hit["hits"][0]
    assert text.encode()[span["start"] : span["end"]].decode() == QUESTION.upper().replace(",", " –").removesuffix("?")
    assert span["answer"] is True
    assert (clean["drop"], clean["overlap"], clean["num_items"], clean["hits"], clean["benchmark"]) == (None, 0.0, 0, [], None)


def test_what_happens_is_declared(tmp_path):
    exam = written(tmp_path, [{"question": QUESTION}])
    text = f"{CLEAN} {QUESTION} {CLEAN} {QUESTION}"
    marked, cut = (run([text, QUESTION], against=[exam], action=action) for action in ("mark", "cut"))
    assert [row["drop"] for row in marked] == [None, None]
    assert [row["text"] for row in marked] == [text, QUESTION]
    assert (cut[0]["text"], cut[0]["edits"], cut[0]["drop"]) == (f"{CLEAN} ? {CLEAN} ?", 2, None)
    assert cut[1]["drop"] is None  # the question mark stays
    assert run([QUESTION[:-1]], against=[exam], action="cut")[0]["drop"] == "contaminated"


def test_an_edited_item_is_found_down_to_the_threshold(tmp_path):
    exam = written(tmp_path, [{"question": QUESTION}])
    half = " ".join(QUESTION.split()[:17])
    edited = QUESTION.replace("three stops", "three other stops")
    assert run([edited], against=[exam])[0]["overlap"] == pytest.approx(0.6316, abs=1e-4)
    assert [run([half], against=[exam], min_overlap=limit)[0]["drop"] is not None for limit in (0.5, 0.6)] == [True, False]
    scattered = f" {CLEAN} ".join(" ".join(QUESTION.split()[i : i + 8]) for i in range(0, 24, 2))
    assert run([scattered], against=[exam])[0]["drop"] is None, "n-grams of an item that stand apart are not the item"


def test_short_items_need_their_answer(tmp_path):
    asked = [("Who wrote this old book?", "Ada Example"), ("What is seven times eight plus two?", ""), ("How so?", "so")]
    exam = written(tmp_path, [{"question": question, "answer": answer} for question, answer in asked])
    texts = [
        "They asked: who wrote this old book? Everyone knew that Ada Example had.",
        "They asked: who wrote this old book? Nobody knew.",
        "Q. what is SEVEN times eight plus two",
        "how so? so",
        "who wrote this old book? " + "word " * 60 + "Ada Example",
    ]
    assert [row["item"] for row in run(texts, against=[exam])] == ["#1", None, "#2", None, None]
    assert module.searched(stage.config(against=[exam])).searchable.tolist() == [True, True, False]


def test_phrases_of_a_benchmark_are_not_counted(tmp_path):
    frame = "Read the following passage with care and then choose the best of all the answers given below:"
    asked = [f"And what about number {i}, with its own words w{i} x{i} y{i} z{i} a{i} b{i}?" for i in range(20)]
    exam = written(tmp_path, [{"question": f"{frame} {CLEAN} {question}"} for question in asked])
    texts = [f"{frame} {CLEAN} something else entirely", asked[7]]
    assert [row["item"] for row in run(texts, against=[exam])] == [None, "#8"]
    assert [row["item"] for row in run(texts, against=[exam], max_items=20)] == ["#1", None]


@pytest.mark.parametrize("seed", range(25))
def test_finds_what_the_slow_twin_finds(seed, tmp_path):
    rng = random.Random(seed)
    vocabulary = rng.choice(
        [list("abcd"), ["größe", "Ünïcode", "漢字", "12", "1,5", "x\\ny", "हिन्दी", "end.", "ที่"], [f"w{i}" for i in range(40)]]
    )

    def some(least, most):
        return " ".join(rng.choice(vocabulary) for _ in range(rng.randint(least, most)))

    items = [(f"b{i % 2}", some(0, 14), rng.choice(["", some(1, 2)])) for i in range(12)]
    for i in range(2):
        written(tmp_path, [{"question": text, "answer": answer} for name, text, answer in items if name == f"b{i}"], f"b{i}.jsonl")
    ordered = [item for i in range(2) for item in items if item[0] == f"b{i}"]
    limits = {"ngram": rng.choice([4, 6]), "max_items": rng.choice([1, 3, 16]), "min_overlap": rng.choice([0.3, 0.5, 1.0])}
    small = {"min_words": 2, "min_words_alone": 3, "answer_words": rng.choice([0, 5])}
    config = stage.config(against=[str(tmp_path / "b*.jsonl")], **limits, **small)
    texts = [rng.choice([some(0, 60), *(f"{some(0, 9)} {text}, {answer} {some(0, 9)}" for _, text, answer in items)]) for _ in range(20)]
    found = stage.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "d")["d__hits"].to_pylist()
    index = module.searched(config).index
    for text, hits in zip(texts, found, strict=True):
        expected = [
            {
                "benchmark": ordered[item][0],
                "overlap": round(got / max(1, int(index.num[item])), 4),
                "answer": said,
                "start": start,
                "end": end,
            }
            for item, start, end, got, said in naive.find(ordered, text, config)
        ]
        assert [{name: value for name, value in hit.items() if name != "item"} for hit in hits] == expected


@pytest.mark.parametrize("action", ["drop", "cut", "mark"])
def test_a_batch_is_only_packaging(action, tmp_path):
    exam = written(tmp_path, [{"question": QUESTION}, {"question": CLEAN}])
    texts = [None, "", f"漢字 {QUESTION} 漢字", CLEAN, "nothing", None, f"{QUESTION} {CLEAN}", QUESTION[:-1]]
    config = stage.config(against=[exam], action=action)

    def columns(batch):
        return list(pa.Table.from_pydict(stage.measure(batch, config, "d")).to_pylist())

    for dtype in (pa.large_string(), pa.string()):
        batch = pa.record_batch({"text": pa.array(texts, dtype)})
        whole = columns(batch)
        assert [row["d__num_items"] for row in whole] == [None, 0, 1, 1, 0, None, 2, 1]
        for cut in range(len(texts) + 1):
            assert columns(batch.slice(0, cut)) + columns(batch.slice(cut)) == whole
        assert columns(batch.slice(2, 3)) == whole[2:5]
        assert all(value is None for value in whole[0].values())


def test_every_kind_of_file(tmp_path):
    records = [{"question": QUESTION, "answer": "25"}]
    line = json.dumps(records[0])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(f"{line}\n\n".encode()))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(line.encode()))
    (tmp_path / "c.json").write_text(json.dumps({"version": 1, "data": records}))
    (tmp_path / "d.csv").write_text(f'Question,Best Answer\n"{QUESTION}",25\n')
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "e.parquet")
    (tmp_path / "f.txt").write_text(f"{CLEAN}\n\n{QUESTION}\n")
    for path in sorted(tmp_path.iterdir()):
        row = run([QUESTION], against=[str(path)])[0]
        assert (row["benchmark"], row["item"]) == (path.name[0], "#2" if path.suffix == ".txt" else "#1")


def test_fields_names_and_answers(tmp_path):
    exam = written(tmp_path, [{"task_id": "T/1", "stem": QUESTION, "q": "How many?", "gold": "x\n#### 25", "question": "another thing"}])
    against = [{"uri": exam, "name": "rail", "fields": ["stem", "q"], "answer": "gold"}]
    row = run([f"{QUESTION} how many 25"], against=against)[0]
    assert (row["benchmark"], row["item"], row["hits"][0]["answer"]) == ("rail", "T/1", True)
    choice = written(tmp_path, [{"question": QUESTION, "choices": ["20", "25"], "answer": "1"}], "choice.jsonl")
    assert benchmarks.items(choice, "choice")[0].answer == "25"


def test_files_enter_the_name_by_digest_and_are_read_again(tmp_path):
    exam = written(tmp_path, [{"question": QUESTION}])
    config = stage.config(against=[exam])
    before = stage.models(config)
    assert run([QUESTION], against=[exam])[0]["drop"] == "contaminated"
    written(tmp_path, [{"question": "Something else altogether is asked here, and at some length as well."}])
    after = stage.models(config)
    assert before.keys() == after.keys()
    assert before != after
    assert run([QUESTION], against=[exam])[0]["drop"] is None


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.jsonl", '{"a": 1}\n', r"expected one of the fields \[.*'question'.*\] in .*x.jsonl, got \['a'\]; name those that make an item in `fields`"),
        ("x.jsonl", '{"question": "a"}\n{"q": "b"}\n', r"expected the fields \['question'\] in item 2 of .*x.jsonl, got \['q'\]; correct `fields`"),
        ("x.jsonl", '{"question": "a"}\n["b"]\n', r"in item 2 of .*x.jsonl, got list; correct"),
        ("x.jsonl", '{"question"', r"expected a readable benchmark, got .*x.jsonl: JSONDecodeError: .*; replace it"),
        ("x.jsonl.gz", "no gzip", r"expected a readable benchmark, got .*x.jsonl.gz: BadGzipFile"),
        ("x.jsonl", "\n", r"expected items, got none in .*x.jsonl; remove it from `against`"),
        ("x.pdf", "%PDF", r"expected a file ending in one of \['.jsonl'.*got .*x.pdf; convert it"),
    ],
)  # fmt: skip
def test_bad_files_are_told(tmp_path, name, data, message):
    (tmp_path / name).write_text(data)
    with pytest.raises(SourceError, match=message):
        module.searched(stage.config(against=[str(tmp_path / name)]))


def test_bad_configs_are_told(tmp_path):
    with pytest.raises(SourceError, match=r"expected benchmark files, got none at .*nothing\*; paths are taken from the current directory"):
        stage.models(stage.config(against=[str(tmp_path / "nothing*")]))
    with pytest.raises(ValueError, match="min_words: expected fewer than ngram = 8, got 8; longer items are found by n-grams"):
        stage.config(min_words=8)


def test_benchmarks_are_found_where_they_are_and_not_in_prose(shared):
    """Every GSM8K question in files of model solutions; nothing in chapters of novels and articles of Wikipedia."""
    folder, prose = shared("bench-eval"), shared("prose-heldout-a")
    names = ("gsm8k_test.jsonl.gz", "mbpp.jsonl.gz", "truthfulqa.csv.gz", "svamp.json.gz", "mmlu_test.jsonl.zst")
    against = [str(folder / name) for name in names]
    solved = _lines(folder / "contaminated" / "gsm8k_model_solutions.jsonl.zst")
    rows = run([f"{one['question']}\n{one['6b_finetuning']['solution']}" for one in solved], against=against)
    assert sum(row["benchmark"] == "gsm8k_test" and row["overlap"] == 1.0 for row in rows) == len(solved) == 1319
    texts = [one["text"] for one in _lines(prose / "standard_ebooks.jsonl.zst")]
    texts.append(gzip.decompress((prose / "wikitext2_valid.txt.gz").read_bytes()).decode())
    clean = [text[i : i + 2000] for text in texts for i in range(0, len(text), 2000)]
    assert len(clean) > 1300
    assert sum(row["num_items"] for row in run(clean, against=against)) == 0


def _lines(path):
    return [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()]


def test_a_recipe_that_names_no_benchmark_is_refused():
    from curate.errors import RecipeError
    from curate.recipe import from_dict

    with pytest.raises(
        RecipeError, match=r"steps\.clean\.against: expected benchmark files, got none; name them as `against: \[benchmarks/"
    ):
        from_dict({"input": [{"uri": "a.jsonl"}], "steps": [{"decontaminate": {"as": "clean"}}]})
