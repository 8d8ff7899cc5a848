"""What leaves a run is opened by those it is for: onnxruntime, a clean process, the hub's own client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.export import noise
from evenodds.export.hub import export_hub
from evenodds.export.onnx import Port, export_onnx, write
from evenodds.export.pretrained import open_hub
from evenodds.gan import Gan
from evenodds.judge.judge import Judge
from evenodds.judge.train import judge_of
from evenodds.runs.run import Run
from evenodds.runs.sample import load_generator
from tests.conftest import Answer

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"budget": "2rounds", "width": 8, "latent": 8, "head_start": 0, "seed": 3}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "gan, pictures": ("photographs", {"network": "gan", "size": 12}),
    "gan, rows": ("penguins", {"network": "gan"}),
    "coarse to fine": ("photographs", {"network": "dcgan", "size": 16, "stages": "8,16"}),
    "dcgan": ("photographs", {"network": "dcgan", "size": 16, "norm_d": "batch", "penalty": "none"}),
    "r3gan": ("photographs", {"network": "r3gan", "size": 20}),
    "style": ("photographs", {"network": "style", "size": 16}),
    "fast": ("photographs", {"network": "fast", "size": 80}),
    "tabular": ("penguins", {"network": "tabular"}),
    "autoregressive": ("penguins", {"network": "autoregressive"}),
}


@pytest.fixture(scope="module")
def played(
    tmp_path_factory: pytest.TempPathFactory, photographs: Path, penguins: Path
) -> Callable[[str], Run]:
    """A short game by its family, played when it is first asked for."""
    runs: dict[str, Run] = {}
    sources = {"photographs": photographs, "penguins": penguins}

    def play(family: str) -> Run:
        if family not in runs:
            source, more = FAMILIES[family]
            gan = Gan(**{**SMALL, **more}).fit(sources[source], tmp_path_factory.mktemp("run") / "run")
            runs[family] = gan.fitted()
        return runs[family]

    return play


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_onnxruntime_makes_what_the_run_makes(
    family: str, played: Callable[[str], Run], tmp_path: Path
) -> None:
    run = played(family)
    folder = export_onnx(run, tmp_path / "out")
    facts = json.loads((folder / "model.json").read_text())
    assert {file.name for file in folder.iterdir()} == {"generator.onnx", "discriminator.onnx", "model.json"}
    assert facts["generator"]["difference"] <= facts["tolerance"]
    made = session(folder / "generator.onnx")
    generator = load_generator(run, CPU)
    for count in (1, 2, 19):
        z = torch.randn(count, 8)
        feeds = {"z": z.numpy()}
        torch.manual_seed(count)
        expected = generator(z)
        if "noise" in [one.name for one in made.get_inputs()]:
            feeds["noise"] = gumbel_draws(run, count).numpy()
        found = made.run(None, feeds)[0]
        assert found == pytest.approx(expected.numpy(), abs=2e-4)
        scores = session(folder / "discriminator.onnx").run(None, {"x": found})[0]
        assert scores.shape == ((count, 4) if family == "coarse to fine" else (count,))  # of patches
        assert len(np.unique(scores.reshape(count, -1), axis=0)) == count


def gumbel_draws(run: Run, count: int) -> Tensor:
    """The uniform numbers behind the draws that G makes from seed ``count``: torch takes E from Exp(1), and
    -log E is -log(-log u) for u = exp(-E)."""
    torch.manual_seed(count)
    spans = [span for span in run.spec.spans if span.kind != "number"]  # type: ignore[union-attr]
    draws = [torch.empty(count, span.width).exponential_() for span in spans]
    return torch.exp(-torch.cat(draws, dim=1))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["tabular", "r3gan"])
def test_the_judge_travels_only_when_asked_and_says_the_same(
    family: str, played: Callable[[str], Run], tmp_path: Path
) -> None:
    run = played(family)
    judge = judge_of(run, CPU)
    gan = Gan.load(run.path)
    samples = gan.sample(40, seed=1)
    block = judge.encode(samples)
    x = block.astype(np.float32) if block.ndim == 2 else block.astype(np.float32) / 127.5 - 1
    score = judge.score(block)
    folder = export_onnx(run, tmp_path / "out", reals=True)
    percent, p, found = session(folder / "judge.onnx").run(None, {"x": x})
    assert found == pytest.approx(score, abs=1e-3)
    assert percent == pytest.approx(judge.percent_real(score), abs=0.02)
    assert np.abs(p - judge.p_value(score)).max() <= 1.5 / len(judge.heldout)
    if block.ndim == 2:
        judges_an_odd_row_at_the_edge(judge, samples.head(1), folder)
    hub = export_hub(run, tmp_path / "hub")
    assert not (hub / "judge").exists()
    hub = export_hub(run, tmp_path / "with", reals=True)
    told = Gan.from_pretrained(hub).judge(samples)
    pd.testing.assert_frame_equal(told, gan.judge(samples))


def judges_an_odd_row_at_the_edge(judge: Judge, row: pd.DataFrame, folder: Path) -> None:
    """The network sees what lies outside as what lies at the edge, for it sees encoded rows alone."""
    seen = judge.look(row.assign(flipper=9_000))
    percent, _, score = session(folder / "judge.onnx").run(None, {"x": seen.block})
    assert score == pytest.approx(judge.score(seen.block), abs=1e-3)
    assert percent == pytest.approx(judge.percent_real(judge.score(seen.block)), abs=0.02)
    assert judge.percent_real(judge.score(*seen), seen.lowers)[0] < 1e-6 < percent[0]


def test_noise_is_an_input_and_no_draw() -> None:
    """Both kinds, against torch's own rules."""
    layer = noise.ExplicitNoise(torch.tensor([[0.2, 0.9, 0.4, 0.6]]))
    logits = torch.tensor([[0.3, -0.1]])
    with layer:
        chosen = nn.functional.gumbel_softmax(logits, tau=0.5, hard=True)
        kept = nn.functional.dropout(torch.tensor([[3.0, 5.0]]), 0.5, training=True)
    gumbel = -torch.log(-torch.log(torch.tensor([[0.2, 0.9]])))
    assert chosen.argmax() == (logits + gumbel).argmax()
    assert chosen.sum() == 1
    assert kept.tolist() == [[0.0, 10.0]]
    assert layer.taken == 4


class Restless(nn.Module):
    """Gives another answer each time it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def forward(self, *inputs: Tensor) -> Tensor:
        self.asked += 1
        return inputs[0] + self.asked


@pytest.mark.slow
def test_what_onnxruntime_answers_differently_is_refused(tmp_path: Path) -> None:
    port = Port("generator", Restless(), {"z": {"shape": [2]}}, ("sample",))
    with pytest.raises(UserError, match=r"generator\.onnx answers differently .*by 1"):
        write(port, tmp_path / "generator.onnx")


def test_a_missing_extra_is_one_sentence(
    played: Callable[[str], Run],
    tmp_path: Path,
    evenodds: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    answer = evenodds("export", played("tabular").path, "--format", "onnx", "--out", tmp_path / "out")
    assert answer.code == 2
    assert "pip install 'evenodds[export]'" in answer.err
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_place_that_is_taken_and_a_run_that_is_none(
    played: Callable[[str], Run], tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    run = played("tabular").path
    for arguments, words in (
        (("export", run, "--format", "hub", "--out", tmp_path / "full"), "not empty"),
        (("export", tmp_path, "--format", "hub"), "is no run"),
        (("export", run, "--format", "onnx", "--push", "me/mine"), "--push goes with"),
    ):
        answer = evenodds(*arguments)
        assert answer.code == 2
        assert words in answer.err
        assert answer.err.count("\n") == 1
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["mine.txt"]


CLEAN = """
import sys, json
from evenodds.gan import Gan
gan = Gan.from_pretrained(sys.argv[1])
made = gan.sample(9, seed=4)
print(json.dumps(made.to_csv() if hasattr(made, "to_csv") else made.tolist()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", ["tabular", "dcgan"])
def test_a_clean_process_samples_the_same_from_the_hub_folder(
    family: str, played: Callable[[str], Run], tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    run = played(family)
    answer = evenodds("export", run.path, "--format", "hub", "--out", tmp_path / "hub", "--license", "mit")
    assert answer.code == 0, answer.err
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CLEAN, str(tmp_path / "hub")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    made = Gan.load(run.path).sample(9, seed=4)
    expected = made.to_csv() if isinstance(made, pd.DataFrame) else made.tolist()
    assert json.loads(done.stdout) == expected


def test_the_hub_folder_is_what_the_hub_expects(played: Callable[[str], Run], tmp_path: Path) -> None:
    run = played("dcgan")
    folder = export_hub(run, tmp_path / "hub", license="mit")
    names = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert names == {"README.md", "config.json", "model.safetensors", "sheet.png", "verdict.json"}
    found = ModelCard.load(folder / "README.md")
    assert found.data.license == "mit"
    assert found.data.library_name == "evenodds"
    assert found.data.pipeline_tag == "unconditional-image-generation"
    assert found.data.to_dict()["widget"][0]["output"]["url"] == "sheet.png"
    assert "budget" in found.text
    counts = run.facts["data"]["told"]["counts"]
    assert f"training samples: {counts['train']}; held out: {counts['heldout']}" in found.text
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.format == "PNG"
    everything = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    place = str(run.facts["source"])
    assert Path(place).is_absolute()
    assert place.encode() not in everything, "where the data lay is nobody's business"


def test_values_of_single_real_rows_stay_in_the_run(played: Callable[[str], Run], tmp_path: Path) -> None:
    run = played("tabular")
    run.write_plots({"pairs": [{"real": [[0.25, 0.75]]}]})
    folder = export_hub(run, tmp_path / "hub")
    assert (run.path / "plots.json").is_file()
    assert not list(folder.rglob("plots.json"))


def test_without_a_license_it_is_said_that_there_is_none(
    played: Callable[[str], Run], tmp_path: Path
) -> None:
    found = ModelCard.load(export_hub(played("tabular"), tmp_path / "hub") / "README.md")
    assert (found.data.license, found.data.license_name) == ("other", "not stated")


def wider(folder: Path) -> None:
    change(folder, lambda facts: facts["run"]["settings"]["network"].update(width=4096))


def endless(folder: Path) -> None:
    change(folder, lambda facts: facts["run"]["data"]["spec"].update(channels=1, height=2**40, width=2**40))


def strange(folder: Path) -> None:
    change(folder, lambda facts: facts["run"]["settings"].update(code="import os"))


def of_others(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def listed(folder: Path) -> None:
    (folder / "config.json").write_text("[1]")


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-40])


def renamed(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    first = next(iter(weights))
    weights["other"] = weights.pop(first)
    save_file(weights, folder / "model.safetensors")


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"a": torch.zeros(1)}, folder / "pytorch_model.bin")


def rejudged(folder: Path) -> None:
    save_file({"reals": torch.zeros(1)}, folder / "kept.safetensors")
    (folder / "judge").mkdir()
    shutil.move(folder / "kept.safetensors", folder / "judge")
    state = {"spec": json.loads((folder / "config.json").read_text())["run"]["data"]["spec"], "width": 10**9}
    (folder / "judge" / "state.json").write_text(json.dumps({"tensors": ["kept"], "state": state}))


def undecided(folder: Path) -> None:
    (folder / "verdict.json").write_text("[0.5")


def change(folder: Path, how: Callable[[dict[str, Any]], None]) -> None:
    facts = json.loads((folder / "config.json").read_text())
    how(facts)
    (folder / "config.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    "damage", [wider, endless, strange, of_others, listed, cut, renamed, pickled, rejudged, undecided]
)
def test_a_folder_that_does_not_fit_together_is_one_sentence(
    damage: Callable[[Path], None], played: Callable[[str], Run], tmp_path: Path
) -> None:
    folder = export_hub(played("dcgan"), tmp_path / "hub")
    shutil.rmtree(open_hub(folder).path.parent)
    damage(folder)
    with pytest.raises(UserError, match="does not open as a model of evenodds"):
        Gan.from_pretrained(folder)


@pytest.mark.parametrize("text", ['{"columns": []}', "[]", '{"columns": [{"kind": "number"}], "notes": []}'])
def test_rows_without_their_codec_are_one_sentence(
    text: str, played: Callable[[str], Run], tmp_path: Path
) -> None:
    folder = export_hub(played("tabular"), tmp_path / "hub")
    (folder / "codec.json").write_text(text)
    with pytest.raises(UserError, match="does not open as a model of evenodds"):
        Gan.from_pretrained(folder)


def test_a_hub_that_cannot_be_reached_is_one_sentence(
    played: Callable[[str], Run],
    tmp_path: Path,
    evenodds: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="is no folder here, and the hub does not give it"):
        Gan.from_pretrained("nobody/nothing")
    run = played("tabular").path
    answer = evenodds("export", run, "--format", "hub", "--out", tmp_path / "hub", "--push", "nobody/nothing")
    assert answer.code == 2
    assert "was made but not pushed to nobody/nothing" in answer.err
    assert (tmp_path / "hub" / "README.md").exists()
