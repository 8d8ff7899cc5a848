"""The command line as a user meets it: what wrong flags and input are told, and what good ones leave behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import Answer

Call = Callable[..., Answer]


def refused(answer: Answer, *words: str) -> None:
    """One sentence on stderr that holds the words, exit code 2."""
    assert answer.code == 2, answer
    assert "round" not in answer.out
    assert answer.err.startswith("evenodds: ")
    assert len(answer.err.splitlines()) == 1
    assert "Traceback" not in answer.err
    for word in words:
        assert word in answer.err, answer.err


BAD_FLAGS = [
    (("--size", "50"), ("--size 50", "48", "56")),
    (("--size", "4"), ("--size 4", "greater than or equal to 8")),
    (("--size", "256x"), ("--size 256x", "256x144")),
    (("--size", "0x5"), ("--size 0x5", "greater than or equal to 8")),
    (("--size", "17x3"), ("--size 17x3", "greater than or equal to 8")),
    (("--size", "2x3x4"), ("--size 2x3x4", "256x144")),
    (("--size", "50x30"), ("--size 50x30", "52x32 or 48x32")),
    (("--size", "big"), ("--size big", "integer")),
    (("--budget", "0s"), ("--budget", "more than zero")),
    (("--budget", "soon"), ("--budget", "90s")),
    (("--budget", "-5m"), ("--budget",)),
    (("--batch", "1"), ("--batch 1", "greater than or equal to 2")),
    (("--batch", "100000"), ("--batch 100000", "less than or equal to")),
    (("--batch", "5000"), ("--batch 5000", "36 training samples")),
    (("--lr-g", "nan"), ("--lr-g nan",)),
    (("--seed", "-1"), ("--seed -1",)),
    (("--fit", "squash"), ("--fit squash", "'crop', 'pad' or 'stretch'")),
    (("--network", "stylegan"), ("--network stylegan", "'dcgan'")),
    (("--network", "tabular"), ("--network tabular", "pictures", "dcgan")),
    (("--network", "dcgan", "--norm-d", "batch", "--penalty", "r1"), ("--penalty r1", "--norm-d none")),
    (("--norm-d", "batch", "--network", "gan"), ("--norm-d batch", "--network dcgan")),
    (("--loss", "wasserstein", "--penalty", "none"), ("--loss wasserstein", "--penalty interpolated")),
    (("--bugdet", "5s"), ("--bugdet", "--budget")),
    (("--device", "cuda"), ("--device cuda", "cpu")),
]


@pytest.mark.parametrize(("flags", "words"), BAD_FLAGS, ids=lambda part: " ".join(part))
def test_a_flag_that_makes_no_sense_is_refused_in_one_sentence(
    flags: tuple[str, ...], words: tuple[str, ...], photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    if "cuda" in flags:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU, so the flag makes sense")
    out = tmp_path / "run"
    size = () if "--size" in flags else ("--size", "16")
    refused(evenodds("train", photographs, "--out", out, *size, *flags), *words)
    assert not out.exists()


def test_a_source_that_is_not_there_names_the_built_ins(tmp_path: Path, evenodds: Call) -> None:
    refused(evenodds("train", tmp_path / "nowhere"), "nowhere", "people", "digits", "faces")
    refused(evenodds("train", "peopel"), "peopel", 'did you mean "people"')
    refused(evenodds("train"), "source")


def test_an_empty_folder_and_one_without_a_picture(tmp_path: Path, evenodds: Call) -> None:
    refused(evenodds("train", tmp_path, "--out", tmp_path / "run"), str(tmp_path))
    (tmp_path / "letter.txt").write_text("Dear all")
    refused(evenodds("train", tmp_path, "--out", tmp_path / "run"), str(tmp_path), "picture")
    assert not (tmp_path / "run").exists()


def test_too_few_pictures_to_split(photographs: Path, tmp_path: Path, evenodds: Call) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for picture in sorted(photographs.iterdir())[:4]:
        shutil.copy(picture, few)
    refused(evenodds("train", few, "--out", tmp_path / "run"), "few", "4", "10")
    assert not (tmp_path / "run").exists()


def test_bad_pictures_are_skipped_said_and_written_down(
    photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    mixed, run = tmp_path / "mixed", tmp_path / "run"
    shutil.copytree(photographs, mixed)
    (mixed / "letter.jpg").write_text("Dear all")
    (mixed / "nothing.png").write_bytes(b"")
    whole = (mixed / "00.png").read_bytes()
    (mixed / "half.png").write_bytes(whole[: len(whole) // 2])
    answer = evenodds("train", mixed, "--out", run, "--size", 16, "--budget", "2rounds", "--width", 8)
    assert answer.code == 0
    assert "3 skipped" in answer.out
    start = json.loads((run / "journal.jsonl").read_text().splitlines()[0])
    reasons = {line["file"]: line["reason"] for line in start["skipped"]}
    assert set(reasons) == {"letter.jpg", "nothing.png", "half.png"}
    assert "zero bytes" in reasons["nothing.png"]
    page = (run / "report.html").read_text()
    assert all(name in page for name in reasons)


BAD_TABLES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ("empty",)),
    "header only": (b"a,b\n", ("header",)),
    "ragged": (b"a,b\n1,2\n1,2,3\n", ("line 3",)),
    "no encoding": (b"a,b\n\x81,1\n" * 3, ("UTF-8", "cp1252")),
    "too few rows": (b"a,b\n" + b"".join(b"%d.5,%d.25\n" % (n, 9 - n) for n in range(5)), ("5", "10")),
    "all constant": (b"a,b\n" + b"1,x\n" * 50, ("column",)),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_that_cannot_be_learnt_is_refused(name: str, tmp_path: Path, evenodds: Call) -> None:
    content, words = BAD_TABLES[name]
    table = tmp_path / "table.csv"
    table.write_bytes(content)
    refused(evenodds("train", table, "--out", tmp_path / "run"), *words)
    assert not (tmp_path / "run").exists()


def test_free_text_is_refused_with_the_reason_and_the_way_out(tmp_path: Path, evenodds: Call) -> None:
    rng = np.random.default_rng(0)
    words = np.array(
        [
            "quick",
            "brown",
            "foxes",
            "jump",
            "over",
            "lazy",
            "dogs",
            "and",
            "then",
            "they",
            "sleep",
            "for",
            "long",
        ]
    )
    table = tmp_path / "letters.csv"
    frame = pd.DataFrame({"note": [" ".join(rng.choice(words, 9)) for _ in range(60)], "age": rng.random(60)})
    frame.to_csv(table, index=False)
    refused(evenodds("train", table, "--out", tmp_path / "run"), "note", "gradient", "--exclude")
    answer = evenodds(
        "train", table, "--out", tmp_path / "run", "--exclude", "note", "--budget", "2rounds", "--width", 8
    )
    assert answer.code == 0
    assert list(pd.read_csv(tmp_path / "run" / "samples" / "00000002.csv")) == ["age"]


def test_constant_and_id_columns_are_left_out_and_said(tmp_path: Path, evenodds: Call) -> None:
    rng = np.random.default_rng(0)
    table = tmp_path / "table.csv"
    frame = pd.DataFrame({"id": range(60), "site": "north", "age": rng.normal(40, 9, 60)})
    frame.loc[3, "age"] = np.inf
    frame.to_csv(table, index=False)
    answer = evenodds("train", table, "--out", tmp_path / "run", "--budget", "2rounds", "--width", 8)
    assert answer.code == 0
    for name in ("id", "site", "age"):
        assert f"'{name}'" in answer.out


@pytest.mark.medium
def test_a_disk_that_is_full_is_said_and_leaves_no_run(tmp_path: Path, penguins: Path) -> None:
    """A file size limit stands in for the full disk: the kernel refuses the write in the same way."""
    out = tmp_path / "run"
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from evenodds.data.prepare import prepare; from evenodds.config.settings import DataSettings;"
        f"from evenodds.data.source import find; prepare(find({str(penguins)!r}), DataSettings());"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from evenodds.cli.main import main;"
        f"main(['train', {str(penguins)!r}, '--out', {str(out)!r}, '--budget', '2rounds'])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert found.returncode == 2, found.stderr
    assert "cannot be written" in found.stderr
    assert "Traceback" not in found.stderr
    assert not (out / "recipe.json").exists() or not list((out / "checkpoints").glob("[0-9]*"))


def test_an_unwritable_place_is_said(tmp_path: Path, penguins: Path, evenodds: Call) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = evenodds("train", penguins, "--out", tmp_path / "file" / "run", "--budget", "2rounds")
    assert answer.code == 2
    assert str(tmp_path / "file") in answer.err


def test_a_folder_that_is_no_run_is_not_written_into(tmp_path: Path, penguins: Path, evenodds: Call) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    answer = evenodds("train", penguins, "--out", tmp_path, "--budget", "2rounds")
    assert answer.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_run_of_another_recipe_is_refused_with_the_difference(
    tmp_path: Path, penguins: Path, photographs: Path, evenodds: Call
) -> None:
    command = ("train", penguins, "--out", tmp_path, "--width", 8, "--budget", "2rounds")
    assert evenodds(*command).code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    answer = evenodds(*command, "--lr-g", 0.5, "--seed", 3)
    assert answer.code == 2
    assert re.search(r"game.lr_g: [\d.]+ -> 0.5", answer.err)
    assert "plan.seed: 0 -> 3" in answer.err
    assert evenodds("train", photographs, "--out", tmp_path).code == 2
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_trainings_of_one_run_are_refused(tmp_path: Path, penguins: Path, evenodds: Call) -> None:
    from evenodds.runs.run import Run

    command = ("train", penguins, "--out", tmp_path, "--width", 8)
    assert evenodds(*command, "--budget", "2rounds").code == 0
    lock = Run.open(tmp_path).lock()
    answer = evenodds(*command, "--budget", "4rounds")
    lock.release()
    assert answer.code == 2
    assert "another process" in answer.err


def test_a_run_folder_holds_what_the_contract_says(tmp_path: Path, penguins: Path, evenodds: Call) -> None:
    answer = evenodds(
        "train",
        penguins,
        "--out",
        tmp_path,
        "--width",
        8,
        "--budget",
        "6rounds",
        "--check-every",
        2,
        "--json",
    )
    verdict = json.loads(answer.out)
    assert verdict["verdict"] == "budget"
    assert verdict["run"] == str(tmp_path)
    assert json.loads((tmp_path / "verdict.json").read_text())["rounds"] == 6
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    assert {"source", "settings", "data", "versions"} <= set(recipe)
    assert len(recipe["data"]["fingerprint"]) == 64
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines[:2]] == ["start", "head start"]
    checks = [line for line in lines if "odds" in line]
    assert [check["round"] for check in checks] == [0, 2, 4, 6]
    wanted = {"round", "seen", "seconds", "odds", "odds_low", "odds_high", "loss_d", "loss_g", "speed"}
    assert all(wanted <= set(check) for check in checks)
    assert all(0 <= check["odds_low"] <= check["odds"] <= check["odds_high"] <= 1 for check in checks)
    assert {path.name for path in (tmp_path / "samples").iterdir()} == {
        f"0000000{n}.{suffix}" for n in (0, 2, 4, 6) for suffix in ("csv", "json")
    }
    for name in ("last", "best"):
        files = {path.suffix for path in (tmp_path / "checkpoints" / name).iterdir()}
        assert files == {".safetensors", ".json"}
    page = (tmp_path / "report.html").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page), "the page asks for something outside"
    assert "@import" not in page
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".pt", ".pkl", ".pth", ".part")]


@pytest.mark.parametrize("command", ["train", "doctor", "score", "sample", "steer find"])
def test_help_shows_no_default_where_there_is_none(command: str, evenodds: Call) -> None:
    words = " ".join(evenodds(*command.split(), "--help").out.replace("│", " ").split())
    assert "[default: None]" not in words
    assert "[default: ()]" not in words
    assert "[default: " in words, "others are shown"


def test_help_answers_without_torch() -> None:
    script = (
        "import sys\n"
        "from evenodds.cli.main import main\n"
        "try:\n    main(['train', '--help'])\n"
        "except SystemExit as leaving:\n    assert not leaving.code\n"
        "heavy = {'torch', 'pandas', 'sklearn', 'matplotlib', 'PIL', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    for flag in ("--size", "--network", "--loss", "--batch", "--budget", "--exclude"):
        assert flag in found.stdout


@pytest.mark.medium
def test_output_that_is_no_terminal_is_plain_lines(tmp_path: Path, penguins: Path) -> None:
    command = [sys.executable, "-m", "evenodds", "train", str(penguins), "--out", str(tmp_path / "run")]
    found = subprocess.run(
        [*command, "--budget", "3rounds"],
        capture_output=True, text=True, timeout=120, env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    assert found.returncode == 0
    assert "\x1b" not in found.stdout
    assert "odds" in found.stdout
    assert "verdict: budget" in found.stdout
    assert found.stderr == ""


def test_doctor_says_what_is_there_and_what_lies_ahead(
    photographs: Path, penguins: Path, tmp_path: Path, evenodds: Call
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(photographs, mixed)
    (mixed / "nothing.png").write_bytes(b"")
    Image.open(mixed / "00.png").save(mixed / "twin.png")
    facts = json.loads(evenodds("doctor", mixed, "--size", 16, "--width", 8, "--json").out)
    assert [line["file"] for line in facts["skipped"]] == ["nothing.png"]
    assert ["00.png", "twin.png"] in facts["near_duplicates"]["examples"]
    assert facts["ahead"]["network"] == "dcgan"
    assert facts["ahead"]["seconds"] > 0
    assert facts["ahead"]["peak_memory_mb"] > 10
    plain = evenodds("doctor", penguins, "--width", 8).out
    for word in ("species", "bill", "seen", "ahead"):
        assert word in plain
