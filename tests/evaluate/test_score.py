"""`evenodds score`: what it writes and says, planted faults that it must find, and one sentence for what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.data.store import Store
from evenodds.evaluate import extractors, images, tables
from evenodds.evaluate.copies import SHOWN
from evenodds.evaluate.extractors import FeatureExtractor, extractor_of, layout, of_module
from evenodds.evaluate.real_features import features_of, path_of
from evenodds.evaluate.score import ScoreRequest, score
from evenodds.gan import Gan
from evenodds.metrics.efficientnet import extractor
from evenodds.metrics.reference import reference_features
from evenodds.runs.column_plots import CategoryPlot, NumberPlot, read_plots
from evenodds.runs.run import Run, write_recipe
from evenodds.runs.source_data import store_of
from evenodds.runs.status import verdict_sentences
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]
CPU = torch.device("cpu")
STAMPS = {"extractor", "resizer", "split", "real_n", "fake_n"}
TOLD = {"name", "title", "value", "better", "low", "high", "p_value", "reals"}
ROWS = ["energy_distance", "precision", "recall", "density", "coverage", "column_shapes", "pair_trends"]
ROWS += ["f1_trees", "f1_logistic", "referee", "copying", "closest_record"]
ROWS += ["membership", "nearer_training"]
PICTURES = [
    "frechet_distance",
    "kernel_distance",
    "precision",
    "recall",
    "density",
    "coverage",
    "referee",
    "copying",
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, penguins: Path) -> Run:
    """A short game on a table."""
    return Gan(budget="20rounds", width=16).fit(penguins, tmp_path_factory.mktemp("table") / "run").fitted()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short game on pictures."""
    gan = Gan(budget="3rounds", width=8, network="gan", head_turns=5)
    return gan.fit("digits", tmp_path_factory.mktemp("digits") / "run").fitted()


def by_name(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["name"]: figure for figure in facts["figures"]}


def test_a_table_s_figures_are_stamped_kept_and_shown(table: Run, evenodds: Call) -> None:
    answer = evenodds("score", table.path, "--json", "--target", "species")
    assert answer.code == 0, answer.err
    facts = json.loads(answer.out)
    found = by_name(facts)
    assert list(found) == ROWS
    assert all(figure.keys() == TOLD | STAMPS for figure in found.values())
    assert facts["checkpoint"] == table.checkpoints.best().name
    heldout = store_of(table).n_heldout
    assert {(found[name]["split"], found[name]["real_n"]) for name in ROWS[1:10]} == {("held-out", heldout)}
    assert found["copying"]["split"] == "train"
    assert found["copying"]["real_n"] == 120 - heldout
    assert {one["fake_n"] for one in found.values()} == {heldout}
    tests = ("referee", "copying", "membership", "nearer_training")
    assert all(found[name]["reals"] is not None for name in ROWS if name not in tests)
    assert found["column_shapes"]["value"] == pytest.approx(
        np.mean(list(facts["column_shapes"].values())), abs=1e-3
    )
    assert len(facts["pair_trends"]) == 6
    kept = json.loads((table.path / "scores.json").read_text())
    assert kept == {"score": {key: value for key, value in facts.items() if key not in ("run", "summary")}}
    verdict = table.verdict()
    assert verdict is not None
    assert facts["summary"] == verdict.summary
    page = (table.path / "report.html").read_text()
    assert "<h2>The scores</h2>" in page
    assert all(f"<td>{figure['title']} " in page for figure in facts["figures"])
    copies = pd.read_csv(table.path / "copies.csv")
    assert list(copies) == ["what", "distance", "species", "bill", "flipper", "seen"]
    assert copies["what"].tolist() == ["fake", "training row"] * min(heldout, SHOWN)
    assert copies["distance"].is_monotonic_increasing


def test_columns_are_counted_and_shown_beside_training_rows_where_few_are_held_out(table: Run) -> None:
    store = store_of(table)
    score(table, ScoreRequest(), CPU)
    plots = read_plots(table.plots())
    assert plots is not None
    assert (plots.split, plots.real_n, plots.fake_n) == ("train", store.n_train, store.n_train)
    assert str(plots.checkpoint).zfill(8) == table.checkpoints.best().name
    assert {plot.name: plot.kind for plot in plots.columns} == dict.fromkeys(
        ("bill", "flipper", "seen"), "number"
    ) | {"species": "category"}
    by_column = {plot.name: plot for plot in plots.columns}
    seen, species = by_column["seen"], by_column["species"]
    assert isinstance(seen, NumberPlot)
    assert isinstance(species, CategoryPlot)
    assert seen.unit == "D"
    known = tables.table_splits(table, store, store.n_train, 0, CPU)
    for side, counts in ((known.train, species.real), (known.fake, species.fake)):
        expected = side.shown["species"].value_counts()
        assert dict(zip(species.levels, counts, strict=True)) == {
            level: expected.get(level, 0) for level in species.levels
        }
    gaps = known.train.shown["bill"].isna().sum(), known.fake.shown["bill"].isna().sum()
    assert by_column["bill"].missing == gaps
    shapes = [plot.shape for plot in plots.columns]
    assert shapes == sorted(shapes, key=lambda shape: -1.0 if shape is None else shape)
    trends = [plot.trend for plot in plots.pairs]
    assert len(trends) == 6
    assert trends == sorted(trends)
    page = (table.path / "report.html").read_text()
    assert f"{store.n_train} training rows and {store.n_train} fakes" in page
    assert page.count("<svg") == 1 + 4 + 6, "the odds, columns and pairs"


def test_columns_are_counted_beside_held_out_rows_where_there_are_enough(tmp_path: Path) -> None:
    gan = Gan(budget="4rounds", width=16, head_turns=5).fit("people", tmp_path / "run")
    facts = gan.score(120)
    plots = read_plots(gan.fitted().plots())
    assert plots is not None
    assert (plots.split, plots.real_n, plots.fake_n) == ("held-out", 120, 120)
    assert {plot.name: plot.shape for plot in plots.columns} == facts["column_shapes"]
    assert [[*plot.names, plot.trend] for plot in plots.pairs] == facts["pair_trends"]


def test_in_words_and_in_python_it_is_the_same(table: Run, evenodds: Call) -> None:
    answer = evenodds("score", table.path, "-n", 60, "--seed", 3)
    assert answer.code == 0
    lines = answer.out.splitlines()
    verdict = table.verdict()
    assert verdict is not None
    assert lines[:3] == verdict_sentences(verdict)
    lines = lines[3:]
    facts = Gan.load(table.path).score(60, seed=3)
    assert len(lines) == 1 + len(facts["figures"]) + 2
    for line, figure in zip(lines[1:], facts["figures"], strict=False):
        assert line.startswith(figure["title"])
        assert f"{figure['value']:.4g}" in line
        assert f"{figure['fake_n']:,} fakes" in line
    assert by_name(facts)["copying"]["fake_n"] == 60
    assert by_name(facts)["precision"]["fake_n"] == store_of(table).n_heldout, "as many of both"
    assert by_name(facts)["energy_distance"]["reals"] is None, "there are fewer held-out rows"


def test_pictures_get_their_figures_and_a_sheet(digits: Run) -> None:
    facts = score(digits, ScoreRequest(extractor="layout"), CPU)
    found = by_name(facts)
    assert list(found) == PICTURES
    assert found["frechet_distance"]["title"] == "FD (layout and detail)"
    assert found["frechet_distance"]["value"] > 3 * found["frechet_distance"]["reals"]
    assert found["kernel_distance"]["low"] > 0 >= found["kernel_distance"]["reals"] - 1e-2
    assert found["coverage"]["reals"] > 0.9 > 0.5 > found["coverage"]["value"]
    assert found["referee"]["low"] > 0.5
    assert found["referee"]["extractor"] == "convolutions"
    assert {one["resizer"] for one in found.values()} == {"means of 8 x 8 cells", "none"}
    with Image.open(digits.path / facts["copies"]) as sheet:
        assert sheet.size == (12 * 66 - 2, SHOWN // 4 * 66 - 2)
    torch.manual_seed(5)
    assert score(digits, ScoreRequest(extractor="layout"), CPU)["figures"] == facts["figures"], (
        "the seed alone decides"
    )


def test_replayed_training_pictures_are_found_and_shown_first(digits: Run, tmp_path: Path) -> None:
    """Nine fresh ones, held-out pictures, stand for an honest G; beside them three replays."""
    store = store_of(digits)
    heldout = store.heldout(np.arange(100, 150))
    replays = store.train(np.arange(40))
    honest = images.copying_metric(store, heldout, tmp_path / "honest.png")
    assert honest.p_value is not None
    assert honest.p_value > 0.001
    copied = images.copying_metric(store, replays, tmp_path / "copied.png")
    assert copied.p_value is not None
    assert copied.p_value < 1e-6
    assert copied.low is not None
    assert copied.low > 0.9
    mixed = np.concatenate([heldout, replays[:3]])
    images.copying_metric(store, mixed, tmp_path / "mixed.png")
    with Image.open(tmp_path / "mixed.png") as image:
        sheet = np.asarray(image)
    cells = [sheet[row * 66 :, column * 66 :][:64:4, :64:4] for row in range(6) for column in range(12)]
    groups = [cells[place : place + 3] for place in range(0, 72, 3)]
    assert [np.array_equal(fake, train) for fake, train, _ in groups] == [True] * 3 + [False] * 21
    assert {cell[0].tobytes() for cell in groups[:3]} == {replay[0].tobytes() for replay in replays[:3]}
    known = {picture[0].tobytes() for picture in store.heldout(np.arange(store.n_heldout))}
    assert all(other.tobytes() in known for _, _, other in groups)


@pytest.mark.slow
def test_the_seed_alone_decides(digits: Run) -> None:
    asked = ScoreRequest(n=20, extractor="layout", seed=1)
    first = score(digits, asked, CPU)
    torch.manual_seed(5)
    assert score(digits, asked, CPU)["figures"] == first["figures"]
    assert score(digits, ScoreRequest(n=20, extractor="layout", seed=2), CPU)["figures"] != first["figures"]


@pytest.mark.slow
def test_real_pictures_in_the_fakes_place_get_what_reals_get(digits: Run) -> None:
    store = store_of(digits)
    view = layout(reference_features(store, store.n_train))
    real = store.heldout(np.arange(store.n_heldout))
    found = {figure.name: figure for figure in images.figures(store, real, view.extract(real), view, CPU)}
    for name in ("frechet_distance", "kernel_distance"):
        assert found[name].value == found[name].reals
    assert found["precision"].value == found["recall"].value == found["coverage"].value == 1
    noise = np.random.default_rng(0).integers(0, 256, real.shape, np.uint8)
    worse = {figure.name: figure for figure in images.figures(store, noise, view.extract(noise), view, CPU)}
    assert worse["precision"].value == worse["coverage"].value == worse["density"].value == 0
    assert worse["referee"].value > 0.99
    assert worse["kernel_distance"].low is not None
    assert found["kernel_distance"].high is not None
    assert worse["kernel_distance"].low > found["kernel_distance"].high


def test_replayed_rows_are_found(table: Run, tmp_path: Path) -> None:
    known = tables.table_splits(table, store_of(table), 12, 0, CPU)
    replays = known._replace(fake=known.train.first(12))
    found = {figure.name: figure for figure in tables.copying_metrics(replays, tmp_path / "copies.csv")}
    assert found["closest_record"].value == 0
    assert found["closest_record"].reals is not None
    assert found["closest_record"].reals > 0
    assert found["copying"].value == 1
    copies = pd.read_csv(tmp_path / "copies.csv").drop(columns=["what", "distance"])
    fakes, trained = copies[::2].reset_index(drop=True), copies[1::2].reset_index(drop=True)
    pd.testing.assert_frame_equal(fakes, trained)


class Corners(nn.Module):
    """A user's network: the mean of each quarter."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(x, 2)


class Halves(nn.Module):
    """A user's classifier, of dark and light."""

    def forward(self, x: Tensor) -> Tensor:
        light = 100 * x.mean((1, 2, 3))
        return torch.stack([light, -light], 1)


def test_a_user_s_own_networks_give_features_and_an_inception_style_score(digits: Run) -> None:
    facts = Gan.load(digits.path).score(50, extractor=Corners(), classifier=Halves())
    found = by_name(facts)
    assert found["frechet_distance"]["title"] == "FD (Corners)"
    assert found["inception_score"]["title"] == "inception-style score (Halves)"
    assert 1 <= found["inception_score"]["value"] <= 2
    assert found["inception_score"]["extractor"] == "Halves"
    features = of_module(Corners(), CPU)
    x = torch.rand(5, 1, 16, 16)
    np.testing.assert_allclose(features(x)[:, 3], x[:, 0, 8:, 8:].mean((1, 2)), rtol=1e-5)
    with pytest.raises(UserError, match="Flat gives no vector for each picture"):
        of_module(type("Flat", (nn.Module,), {"forward": lambda _, x: x.mean()})(), CPU)(x)


class Counting:
    """Counts how many pictures it looks at."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, x: Tensor) -> np.ndarray:
        self.seen += len(x)
        return x.mean((2, 3)).numpy()


def test_features_of_reals_are_made_once_for_the_same_data_and_extractor(
    digits: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path))
    store, look = store_of(digits), Counting()
    view = FeatureExtractor("counting", "none", look)
    first = features_of(store, "train", 300, view)
    assert look.seen == 300
    np.testing.assert_array_equal(features_of(store, "train", 300, view), first)
    assert look.seen == 300
    features_of(store, "heldout", 100, view)
    features_of(store, "train", 200, view)
    features_of(store, "train", 300, FeatureExtractor("counting", "bilinear", look))
    assert look.seen == 300 + 100 + 200 + 300
    path = path_of(store, "train", 300, view)
    path.write_bytes(path.read_bytes()[:500])  # a damaged file is no reason to fail
    np.testing.assert_array_equal(features_of(store, "train", 300, view), first)
    assert look.seen == 1200
    other = Store.open(store.path)
    other.fingerprint = "another"
    features_of(other, "train", 300, view)
    assert look.seen == 1500
    features_of(store, "train", 10, FeatureExtractor("a user's", "none", look, cacheable=False))
    assert look.seen == 1510
    assert len(list((tmp_path / "features").iterdir())) == 5


@pytest.mark.skipif(extractor(CPU) is None, reason="the extra features is not installed")
def test_efficientnet_names_itself_and_its_resizer(digits: Run) -> None:
    store = store_of(digits)
    view = extractor_of("auto", store, CPU)
    assert (view.name, view.resizer, view.frechet) == (
        "EfficientNet-Lite0",
        "bilinear to 96 px",
        "FD (EfficientNet-Lite0)",
    )
    assert view.extract(store.heldout(np.arange(2))).shape == (2, 1280)


def test_without_the_extra_the_game_s_own_features_serve(
    digits: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evenodds.metrics.efficientnet.PACKAGE", "a_package_that_nobody_has")
    store = store_of(digits)
    assert extractor_of("auto", store, CPU).name == "layout and detail"
    with pytest.raises(UserError, match=r"pip install 'evenodds\[features\]'"):
        extractor_of("efficientnet", store, CPU)


def test_inception_alone_is_called_fid(digits: Run) -> None:
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is no dependency")
    try:
        view = extractor_of("inception", store_of(digits), CPU)
    except UserError as problem:
        pytest.skip(str(problem))
    assert view.frechet == "FID"
    assert view.extract(store_of(digits).heldout(np.arange(2))).shape == (2, 2048)


def test_scores_of_pairs_and_of_score_live_side_by_side(digits: Run, tmp_path: Path) -> None:
    shutil.copytree(digits.path, tmp_path / "run", symlinks=True)
    run = Run.open(tmp_path / "run")
    run.write_scores("score", {"figures": []})
    run.write_scores("pairs", {"pairs": 4})
    assert run.scores("score") == {"figures": []}
    assert run.scores("pairs") == {"pairs": 4}
    run.write_scores("pairs", None)
    assert json.loads((run.path / "scores.json").read_text()) == {"score": {"figures": []}}
    run.write_scores("score", None)
    assert not (run.path / "scores.json").exists()
    (run.path / "scores.json").write_text('{"pairs": 4, "l1"')
    assert run.scores("pairs") is None


def test_whatever_is_wrong_is_one_sentence(
    table: Run, digits: Run, tmp_path: Path, evenodds: Call, penguins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(table.path, tmp_path / "gone", symlinks=True)
    gone = tmp_path / "gone"
    write_recipe(gone, {**table.facts, "source": str(tmp_path / "nothing.csv")})
    for arguments, words in (
        (
            (table.path, "--target", "bill"),
            "no category of 2 to 20 levels beside others, take one of species",
        ),
        ((table.path, "--target", "mass"), "no column that was learnt, the columns are species, bill"),
        ((table.path, "--extractor", "layout"), "for pictures"),
        ((table.path, "-n", "3"), "too few"),
        ((digits.path, "--target", "label"), "for tables"),
        ((digits.path, "--extractor", "vgg"), "vgg"),
        ((gone,), "needs the data"),
        ((tmp_path,), "is no run"),
    ):
        answer = evenodds("score", *arguments)
        assert answer.code == 2, arguments
        assert words in answer.err.splitlines()[-1], answer.err
        assert answer.out == ""
    with pytest.raises(UserError, match="call fit"):
        Gan().score()
    monkeypatch.setattr(extractors.inception, "WEIGHTS", "nowhere.pth")
    with pytest.raises(UserError, match="--extractor inception needs"):
        extractor_of("inception", store_of(digits), CPU)


@pytest.mark.slow
def test_a_game_on_given_pictures_is_scored_under_held_out_ones(photographs: Path, tmp_path: Path) -> None:
    """Four held-out pictures are the fewest that fakes are measured beside."""
    gan = Gan(budget="4rounds", size=16, width=8, batch=4, condition="outlines", head_turns=10)
    run = gan.fit(photographs, tmp_path / "run").fitted()
    pairs = run.scores("pairs")
    facts = gan.score(extractor="layout")
    assert list(by_name(facts)) == PICTURES
    assert run.plots() is None
    assert by_name(facts)["precision"]["fake_n"] == 4
    assert by_name(facts)["frechet_distance"]["fake_n"] == 10
    assert pairs is not None
    assert run.scores("pairs") == pairs, "the pairs' scores stay"
    assert "The scores" in (run.path / "report.html").read_text()
