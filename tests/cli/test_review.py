"""`curate review` as a program: its addresses, loopback only, its end; and the file of decisions."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import small_run

from curate.__main__ import main
from curate.review.decisions import DecisionStore
from curate.steward import decode
from curate.store import Store


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run.write(tmp_path_factory.mktemp("made"))


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["curate", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, *capsys.readouterr()


def test_it_serves_those_who_have_an_address_and_ends_quietly(run):
    command = [sys.executable, "-m", "curate", "review", str(run), "--port", "0", "--steward", "Ada", "--reviewer", "Bo <b>"]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root, env=os.environ | {"PYTHONPATH": root}
    )
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        assert re.match(r"steward Ada: http://127\.0\.0\.1:\d+/\?key=\S{32}\n", lines[0])
        assert lines[1].startswith("reviewer Bo <b>: http://127.0.0.1:")
        home, key = lines[0].split()[-1].split("/?key=")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{home}/overview", timeout=20)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        try:
            page = opener.open(f"{home}/?key={key}", timeout=20).read().decode()
        except urllib.error.HTTPError as error:  # the index may still be made
            page = error.read().decode()
        assert "<!doctype html>" in page
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130, -signal.SIGINT)
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()


def test_a_port_that_is_taken(run, monkeypatch, capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = call(monkeypatch, capsys, "review", run, "--port", port)
    assert code == 2
    assert f"expected port {port} to be free" in err


def test_two_of_one_name(run, monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "review", run, "--steward", "Ada", "--reviewer", "Ada")
    assert code == 2
    assert "expected different names, got Ada, Ada" in err


def test_a_run_elsewhere_needs_a_place_here(monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "review", "memory://runs/far", "--port", "0")
    assert code == 2
    assert "expected --state DIR for a run that is not on this machine" in err


def test_export_writes_what_holds(run, tmp_path, monkeypatch, capsys):
    desk = DecisionStore.of(Store(str(run)))
    desk.join("Ada", "steward")
    desk.decide_domain("host1.example", "deny", reason="owner_objects", by="Ada")
    code, out, _ = call(monkeypatch, capsys, "review", run, "--export", tmp_path / "decisions.json")
    assert code == 0
    assert "wrote 1 decisions and 0 thresholds" in out
    made = decode((tmp_path / "decisions.json").read_bytes(), "file")
    assert made.domains[0].host == "host1.example"
    assert made.run["recipe"] == "small"


def test_a_folder_that_is_no_run_is_refused_and_left_alone(tmp_path, monkeypatch, capsys):
    code, _, error = call(monkeypatch, capsys, "review", tmp_path / "nothing", "--port", "0")
    assert code == 2
    assert "nothing: expected the folder of a run, finished or not, got none; make one with `curate run`" in error
    assert not (tmp_path / "nothing").exists()
