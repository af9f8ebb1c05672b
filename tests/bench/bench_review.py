"""The review desk over a generated run: how long its index takes, and each page. To reach: 200 ms a page on ten million documents.

The run is written once into a folder and used again (2.5 GB for ten million documents, the index as much again). Each page is asked for
several times, with other queries where it takes some, through the whole application but the network; seconds are of the wall and of the
processor, the second of them being what other work on the machine does not change.

    python -m tests.bench.bench_review --documents 10000000 --folder /tmp/generated
"""

import argparse
import resource
import shutil
import time
from pathlib import Path

from curate.cli.review import application
from curate.review.guard import Person
from tests.generated_run import write

PORT = 8400
ROUNDS = 5


def client(run: Path):
    from starlette.testclient import TestClient

    person = Person("Ada", "steward")
    app = application(str(run), [person], PORT)
    made = TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)
    made.cookies.set(f"curate_desk_{PORT}", person.key)
    return made


def until_ready(asked) -> None:
    while asked.get("/overview.json").status_code == 503:
        time.sleep(0.2)


def paths(asked) -> dict[str, list[str]]:
    """Page → addresses to ask for, all different so that nothing is answered from the last one."""
    seeds = range(ROUNDS)
    reasons = [one["reason"] for one in asked.get("/overview.json").json()["reasons"]]
    ids = [
        [one["id"] for one in asked.get(f"/samples.json?rule={reasons[n % len(reasons)]}&seed={n}").json()["documents_shown"]]
        for n in seeds
    ]
    near = [row["id"] for row in asked.get("/rules/gopher_quality/short_doc.json?at=60").json()["would_leave"]]
    clusters = [one["no"] for one in asked.get("/duplicates.json").json()["clusters"]]
    domains = [one["name"] for one in asked.get("/domains.json").json()["domains"]]
    return {
        "overview": ["/overview"] * ROUNDS,
        "samples": [f"/samples?rule={reasons[n % len(reasons)]}&seed={n}" for n in seeds],
        "samples, nearest": [f"/samples?rule=gopher_quality:short_doc&order=near&start={10 * n}" for n in seeds],
        "threshold slider": [f"/rules/gopher_quality/short_doc?at={30 + 9 * n}" for n in seeds],
        "duplicates": [f"/duplicates?start={25 * n}" for n in seeds],
        "duplicates, side by side": [f"/duplicates/{clusters[n]}" for n in seeds],
        "rights": [f"/rights?kind=licence&key=CC-BY-4.0&start={15 * n}" for n in seeds],
        "domains": [f"/domains?start={50 * n}" for n in seeds],
        "domains, not decided": [f"/domains?state=open&start={50 * n}" for n in seeds],
        "domains by name": [f"/domains?q=ite{n + 20}" for n in seeds],
        "domain": [f"/domains/{domains[n]}" for n in seeds],
        "personal data": [f"/personal?start={20 * n}" for n in seeds],
        "search: id": [f"/search?q={ids[n][0]}" for n in seeds],
        "search: word": [f"/search?q={1000 + n}" for n in seeds],
        "search: a word of all": ["/search?q=text"] * ROUNDS,
        "search: two words": [f"/search?q=text+{2000 + n}" for n in seeds],
        "document": [f"/document/{ids[n][-1]}" for n in seeds],
        "document, cold": [f"/document/{one}" for one in near[:ROUNDS]],
        "labels": ["/labels"] * ROUNDS,
        "decisions": ["/decisions"] * ROUNDS,
        "log": ["/log"] * ROUNDS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/curate-bench-review"))
    parser.add_argument("--words", type=int, default=2, help="of each text; 300 are 2.5 kB")
    parser.add_argument("--keep", action="store_true", help="take an index that lies there")
    said = parser.parse_args()
    run = said.folder / f"{said.documents}-{said.words}"
    if not (run / "ledger.jsonl").exists():
        shutil.rmtree(run, ignore_errors=True)
        write(run, said.documents, text_words=said.words)
    if not said.keep:
        shutil.rmtree(run / "review", ignore_errors=True)
    started, used = time.perf_counter(), time.process_time()
    asked = client(run)
    until_ready(asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(file.stat().st_size for file in (run / "review" / "index").rglob("*") if file.is_file())
    print(
        f"index of {said.documents:,} documents: {time.perf_counter() - started:.0f} s ({time.process_time() - used:.0f} s of CPU), ",
        end="",
    )
    print(f"{peak:.0f} MB at its peak, {size / said.documents:.0f} bytes a document on disk", flush=True)
    print(f"{'page':<28}{'ms, middle':>12}{'longest':>10}{'CPU, middle':>14}")
    for name, addresses in paths(asked).items():
        wall, cpu = [], []
        for one in addresses:
            before, spent = time.perf_counter(), time.process_time()
            answer = asked.get(one)
            wall.append(1000 * (time.perf_counter() - before))
            cpu.append(1000 * (time.process_time() - spent))
            assert answer.status_code == 200, (one, answer.text[:300])
        print(f"{name:<28}{sorted(wall)[len(wall) // 2]:>12.0f}{max(wall):>10.0f}{sorted(cpu)[len(cpu) // 2]:>14.0f}", flush=True)


if __name__ == "__main__":
    main()
