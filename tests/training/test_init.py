"""A game that begins with the networks of another one: what is taken over and said, resuming, and frozen layers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from evenodds.cli.main import main
from evenodds.config.settings import NetworkSettings, Recipe
from evenodds.core import bundle, checksums
from evenodds.core.bundle import Tensors, read
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.export.hub import export_hub
from evenodds.gan import Gan
from evenodds.runs.initial_weights import InitialWeights, find_weights
from evenodds.runs.report import events
from evenodds.runs.run import Run
from evenodds.training.context import Context, Silent
from evenodds.training.initial_players import fitting_width, unmade, with_network_of
from evenodds.training.session import train_run
from tests import ranks
from tests.conftest import Answer

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")
SMALL = {"batch": 8, "check_every": 3, "head_turns": 10}
DIGITS = {**SMALL, "network": "dcgan", "width": 8, "latent": 6, "condition": "labels", "budget": "3rounds"}
ROUNDS = 9
UNTRAINED = {"budget": "1rounds", "head_start": 0.0, "lr_g": 1e-12, "lr_d": 1e-12, "batch": 8}
"""Learning rates of nothing: after one round the networks are those of the start."""


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A game of gray digits of 16 px with ten labels."""
    out = tmp_path_factory.mktemp("digits") / "run"
    Gan(**DIGITS).fit("digits", out)
    return out


class Listener(Silent):
    """Remembers what is said, and stops the game at a round."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, text: str) -> None:
        self.sentences.append(text)


def begin(gan: Gan, source: object, out: Path) -> list[str]:
    """Trains, and returns what was said."""
    listener = Listener()
    train_run(find(str(source)), str(source), gan.recipe, out, Context(CPU, observer=listener))
    return listener.sentences


def last(out: Path) -> Tensors:
    return read(out / "checkpoints" / "last")[0]


def best(out: Path) -> Tensors:
    return read(out / "checkpoints" / "best")[0]


def assert_equal(one: Path, other: Path) -> None:
    for state in (last, best):
        first, second = state(one), state(other)
        for group in first:
            assert first[group].keys() == second[group].keys()
            for name, value in first[group].items():
                assert torch.equal(value, second[group][name]), f"{group}: {name}"


def test_digits_become_larger_pictures_in_color(digits: Path, photographs: Path, tmp_path: Path) -> None:
    sentences = begin(Gan(init=digits, size=32, **UNTRAINED), photographs, tmp_path / "run")
    run, before, after = Run.open(tmp_path / "run"), best(digits), last(tmp_path / "run")
    network = run.recipe.network
    assert (network.network, network.width, network.latent) == ("dcgan", 8, 6)
    assert run.recipe.game.lr_g == 1e-12
    # The first level of 16 px has 16 channels; here there are 32. Labels' embedding stood beside the latent vector.
    for name in ("generator", "average"):
        torch.testing.assert_close(
            after[name]["body.0.weight"][:, :16],
            before[name]["inner.body.0.weight"][:6],
            rtol=1e-4,
            atol=1e-6,
        )
    gray = before["discriminator"]["inner.body.0.weight"]
    torch.testing.assert_close(
        after["discriminator"]["body.0.weight"], gray.expand(-1, 3, -1, -1) / 3, rtol=1e-4, atol=1e-6
    )
    said = [sentence for sentence in sentences if sentence.startswith("initial networks: ")]
    assert said == [
        f"initial networks: from {digits}, 12 of 20 tensors of G and 6 of 8 of D",
        "initial networks: pictures with other channels, taken over as their mean or in copies: D body.0",
        (
            "initial networks: of another width, taken over as far as it goes: G body.0, body.1, body.3, body.4; "
            "D body.4, body.6"
        ),
        "initial networks: pictures of another size, begins anew: G body.6, body.7, body.9; D body.2",
    ]
    assert [event.sentence for event in events(run)][: len(said)] == said


def test_labels_that_are_others_begin_anew(digits: Path, tmp_path: Path) -> None:
    """Ten digits, and a game of the same pictures by three labels."""
    import numpy as np

    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (60, 16, 16), dtype=np.uint8)
    gan = Gan(init=digits, condition="labels", size=16, **UNTRAINED)
    gan.fit(pictures, tmp_path / "run", labels=[str(number % 3) for number in range(60)])
    before, after = best(digits), last(tmp_path / "run")
    assert after["generator"]["embed.weight"].shape == (32, 3)
    torch.testing.assert_close(
        after["generator"]["inner.body.0.weight"],
        before["generator"]["inner.body.0.weight"],
        rtol=1e-4,
        atol=1e-6,
    )
    sentences = [event.sentence for event in events(Run.open(tmp_path / "run"))]
    assert "initial networks: other labels, begins anew: G embed; D project" in sentences


def test_smaller_pictures_have_the_coarse_layers_whole(photographs: Path, tmp_path: Path) -> None:
    Gan(network="dcgan", width=4, latent=6, size=32, **{**SMALL, "budget": "2rounds"}).fit(
        photographs, tmp_path / "large"
    )
    Gan(init=tmp_path / "large", size=16, **UNTRAINED).fit(photographs, tmp_path / "small")
    run = Run.open(tmp_path / "small")
    assert run.recipe.network.width == 8
    before, after = best(tmp_path / "large")["generator"], last(tmp_path / "small")["generator"]
    for name in ("body.0.weight", "body.3.weight", "body.4.weight"):
        torch.testing.assert_close(after[name], before[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "width", "before", "after", "fits"),
    [
        ("dcgan", 64, 16, 32, 32),  # 128, 64 there; 128, 64, 32 here
        ("dcgan", 32, 32, 64, 32),  # no narrower than the preset
        ("dcgan", 16, 32, 64, 16),  # nor wider than theirs
        ("dcgan", 128, 32, 64, 64),
        ("dcgan", 128, 64, 128, 128),  # coarse layers of 128 px are all as wide
        ("dcgan", 32, 64, 16, 128),
        ("dcgan", 20, 32, 32, 20),
        ("r3gan", 32, 16, 32, 16),
        ("r3gan", 16, 32, 16, 32),
        ("r3gan", 32, 32, 64, 32),
        ("r3gan", 32, 64, 32, 32),
        ("gan", 48, 16, 32, 48),
    ],
)
def test_the_width_is_that_at_which_coarse_layers_fit(
    network: str, width: int, before: int, after: int, fits: int
) -> None:
    there = NetworkSettings.model_validate({"network": network, "width": width})
    initial = InitialWeights("x", there, PictureSpec(3, before, before), None, "", dict)
    store = cast(Store, SimpleNamespace(spec=PictureSpec(3, after, after), n_train=1000, condition=None))
    assert fitting_width(initial, store, NetworkSettings(stages="off")).width == fits
    chosen = Recipe.model_validate({"network": {"network": network, "width": 24}})
    store = cast(Store, SimpleNamespace(spec=store.spec, n_train=1000, condition=None))
    assert with_network_of(chosen, initial, store).network.width == 24


@pytest.mark.parametrize("name", ["digits", "people", "customers", "outlines"])
def test_a_run_of_a_version_before_is_begun_with(name: str) -> None:
    """Its weights have the names and shapes that its recipe says today."""
    initial = find_weights(str(Path(__file__).parents[1] / "runs_before" / name))
    for player, network in zip(
        ("generator", "discriminator"), unmade(initial.settings, initial.spec, initial.condition), strict=True
    ):
        shapes = {key: value.shape for key, value in network.state_dict().items()}
        assert bundle.fits(shapes, initial.read()[player])


def settings(digits: Path, rounds: int, **more: object) -> Gan:
    return Gan(**{**SMALL, "init": digits, "size": 16, "freeze_d": 1, "budget": f"{rounds}rounds", **more})


def test_a_resumed_game_equals_one_in_one_go_even_when_what_it_began_with_is_gone(
    digits: Path, photographs: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(digits, source, symlinks=True)
    settings(source, ROUNDS).fit(photographs, tmp_path / "whole")
    settings(source, 3).fit(photographs, tmp_path / "broken")
    shutil.rmtree(source)
    settings(source, 6).fit(photographs, tmp_path / "broken")
    settings(source, ROUNDS).fit(photographs, tmp_path / "broken")
    assert_equal(tmp_path / "whole", tmp_path / "broken")
    run = Run.open(tmp_path / "broken")
    assert run.facts["init"] == Run.open(tmp_path / "whole").facts["init"]
    assert run.facts["init"]["source"] == str(source)
    with pytest.raises(UserError, match=r"plan\.init: .*source -> other"):
        settings(Path("other"), ROUNDS).fit(photographs, tmp_path / "broken")
    with pytest.raises(UserError, match=r"plan\.init: .*source -> None"):
        settings(source, ROUNDS).set_params(init=None, freeze_d=0).fit(photographs, tmp_path / "broken")


def test_frozen_layers_stay_bit_for_bit_and_the_others_learn(
    digits: Path, photographs: Path, tmp_path: Path
) -> None:
    settings(digits, 4, channels="gray").fit(photographs, tmp_path / "run")
    before, after = best(digits)["discriminator"], last(tmp_path / "run")["discriminator"]
    for name in ("body.0.weight", "body.0.bias"):
        assert torch.equal(after[name], before[f"inner.{name}"])
    for name in ("body.2.weight", "body.2.bias", "body.4.weight"):
        assert not torch.equal(after[name], before[f"inner.{name}"])
    settings(digits, 4, channels="gray", freeze_d=0).fit(photographs, tmp_path / "free")
    free = last(tmp_path / "free")["discriminator"]
    assert not torch.equal(free["body.0.weight"], before["inner.body.0.weight"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"freeze_d": 3}, "--freeze-d 3 is more than the 2 layers of D below its score"),
        ({"size": 32, "freeze_d": 2}, r"would keep layers of D that begin anew \(body\.2\)"),
        ({"network": "r3gan"}, "was trained with dcgan, which r3gan cannot take over"),
        (
            {"condition": "outlines"},
            "trained with dcgan on pictures under --condition labels, and this is pictures",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_a_folder_is_made(
    more: dict[str, object], message: str, digits: Path, photographs: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        settings(digits, 3, **more).fit(photographs, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rows_are_no_pictures(digits: Path, penguins: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="and this is rows: begin with a run of gan or tabular"):
        Gan(init=digits, budget="1rounds").fit(penguins, tmp_path / "run")


def test_frozen_layers_are_those_of_another_run(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--freeze-d keeps layers as --init gave them"):
        Gan(freeze_d=1, size=16, budget="1rounds").fit(photographs, tmp_path / "run")


def test_a_bad_source_is_told_in_one_sentence(
    digits: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    def refused(init: Path) -> str:
        answer = evenodds("train", "digits", "--init", init, "--out", tmp_path / "run", "--budget", "1rounds")
        assert answer.code == 2
        assert "Traceback" not in answer.err
        assert not (tmp_path / "run").exists()
        return answer.err

    assert "is not there: give a run folder" in refused(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "holds no networks" in refused(tmp_path / "empty")
    unplayed = tmp_path / "unplayed"
    shutil.copytree(digits, unplayed, symlinks=True)
    shutil.rmtree(unplayed / "checkpoints")
    (unplayed / "checkpoints").mkdir()
    assert "holds no checkpoint yet" in refused(unplayed)
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "config.json").write_text('{"library_name": "another"}')
    assert "does not open as a model of evenodds" in refused(odd)


def test_a_damaged_source_is_told(digits: Path, tmp_path: Path, evenodds: Callable[..., Answer]) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(digits, damaged, symlinks=True)
    weights = (damaged / "checkpoints" / "best").resolve() / "generator.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) * 7 // 8] ^= 1
    weights.write_bytes(content)
    answer = evenodds("train", "digits", "--init", damaged, "--out", tmp_path / "run", "--budget", "1rounds")
    assert answer.code == 2
    assert "generator.safetensors does not read" in answer.err


def test_of_an_exported_folder_g_alone_is_taken(digits: Path, tmp_path: Path) -> None:
    folder = export_hub(Run.open(digits), tmp_path / "hub")
    sentences = begin(Gan(init=folder, condition="labels", **UNTRAINED), "digits", tmp_path / "run")
    assert f"initial networks: D begins anew, since {folder} holds G alone" in sentences
    after, before = last(tmp_path / "run")["generator"], best(digits)["average"]
    for name, value in after.items():
        if not name.endswith(
            ("running_mean", "running_var", "num_batches_tracked")
        ):  # these followed one round
            torch.testing.assert_close(value, before[name], rtol=1e-4, atol=1e-6)
    with pytest.raises(UserError, match="holds G alone: leave --freeze-d out"):
        Gan(init=folder, condition="labels", freeze_d=1, **UNTRAINED).fit("digits", tmp_path / "other")


def test_an_export_tells_no_path_of_what_its_run_began_with(digits: Path, tmp_path: Path) -> None:
    settings(digits, 1, condition="labels").fit("digits", tmp_path / "run")
    folder = export_hub(Run.open(tmp_path / "run"), tmp_path / "hub")
    text = (folder / "config.json").read_text()
    assert str(digits.parent) not in text
    assert json.loads(text)["run"]["init"]["source"] == "run"
    card = (folder / "README.md").read_text()
    assert "- began with the networks of: run, whose data and license count, too" in card
    assert str(digits.parent) not in card
    assert Gan.from_pretrained(folder).recipe.plan.init is None
    assert len(Gan.from_pretrained(folder).sample(2)) == 2


def test_a_source_that_changed_before_the_game_began_is_told(
    digits: Path, photographs: Path, tmp_path: Path
) -> None:
    """Stopped before its first checkpoint, a run begins anew, which must be the same game."""
    settings(digits, 2).fit(photographs, tmp_path / "run")
    for checkpoint in Run.open(tmp_path / "run").checkpoints.all():
        shutil.rmtree(checkpoint)
    settings(digits, 2).fit(photographs, tmp_path / "run")
    settings(digits, 2).fit(photographs, tmp_path / "whole")
    assert_equal(tmp_path / "run", tmp_path / "whole")
    for checkpoint in Run.open(tmp_path / "run").checkpoints.all():
        shutil.rmtree(checkpoint)
    for recipe in ("recipe.json", "checkpoints/recipe.json"):
        facts = checksums.read_verified(tmp_path / "run" / recipe)
        facts["init"]["fingerprint"] = "another"
        (tmp_path / "run" / recipe).write_text(json.dumps(checksums.with_checksum(facts)))
    with pytest.raises(UserError, match="has changed since"):
        settings(digits, 2).fit(photographs, tmp_path / "run")


def test_rows_go_on_with_more_rows(penguins: Path, tmp_path: Path) -> None:
    Gan(width=8, budget="2rounds").fit(penguins, tmp_path / "first")
    begin(
        Gan(init=tmp_path / "first", budget="1rounds", lr_g=1e-12, head_start=0.0), penguins, tmp_path / "run"
    )
    assert Run.open(tmp_path / "run").recipe.network.width == 8
    before, after = best(tmp_path / "first")["generator"], last(tmp_path / "run")["generator"]
    for name, value in after.items():
        torch.testing.assert_close(value, before[name], rtol=1e-4, atol=1e-6)


def test_its_weights_are_told_apart_by_a_fingerprint(digits: Path) -> None:
    first, again = find_weights(str(digits)), find_weights(str(digits))
    assert first.fingerprint == again.fingerprint
    assert set(first.read()) >= {"generator", "discriminator", "average"}
    assert first.condition == Run.open(digits).condition


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="ranks are forked")
def test_two_ranks_begin_alike(digits: Path, photographs: Path, tmp_path: Path) -> None:
    words = ["train", str(photographs), "--out", str(tmp_path / "run"), "--init", str(digits), "--size", "16"]
    words += [
        "--budget",
        "4rounds",
        "--batch",
        "8",
        "--freeze-d",
        "1",
        "--channels",
        "gray",
        "--head-turns",
        "10",
    ]
    said = tmp_path / "said"
    said.mkdir()
    codes = ranks.wait(ranks.fork(2, lambda rank: main(words), said))
    assert codes == [0, 0], [(said / f"{rank}.txt").read_text() for rank in range(2)]
    before, after = best(digits)["discriminator"], last(tmp_path / "run")["discriminator"]
    assert torch.equal(after["body.0.weight"], before["inner.body.0.weight"])
    assert not torch.equal(after["body.2.weight"], before["inner.body.2.weight"])
    assert "initial networks: from" in (said / "0.txt").read_text()


def test_a_game_of_small_pictures_is_where_one_of_larger_ones_begins(
    photographs: Path, tmp_path: Path
) -> None:
    """Coarse to fine from a run of the coarse size, and then from that one at its own size."""
    small = tmp_path / "small"
    Gan(network="dcgan", width=4, latent=6, size=16, **{**SMALL, "budget": "2rounds"}).fit(photographs, small)
    grown = tmp_path / "grown"
    begin(Gan(init=small, size=32, stages="16,32", **UNTRAINED), photographs, grown)
    before, after = best(small), last(grown)
    assert Run.open(grown).recipe.network.width == 4
    for name, value in before["generator"].items():
        if name.endswith("weight"):
            torch.testing.assert_close(after["generator"][f"coarse.{name}"], value, rtol=1e-4, atol=1e-6)
    again = tmp_path / "again"
    begin(Gan(init=grown, size=32, **UNTRAINED), photographs, again)
    assert Run.open(again).recipe.network.stages == "16,32"
    assert last(again)["generator"].keys() == after["generator"].keys()
