"""The Python API: it is the command line's own training, it takes what people hold, and it behaves as estimators do."""

from __future__ import annotations

import inspect
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import evenodds
from evenodds.cli.main import app
from evenodds.config.settings import Recipe
from evenodds.core.errors import UserError
from evenodds.gan import Gan
from tests.conftest import Answer


def test_rows_come_back_as_a_table_and_survive_saving(penguins: Path, tmp_path: Path) -> None:
    gan = Gan(budget="5rounds", width=8).fit(penguins)
    rows = gan.sample(30, seed=3)
    assert isinstance(rows, pd.DataFrame)
    assert list(rows) == ["species", "bill", "flipper", "seen"]
    gan.save(tmp_path / "kept")
    again = Gan.load(tmp_path / "kept")
    pd.testing.assert_frame_equal(again.sample(30, seed=3), rows)
    assert again.verdict is not None
    assert again.verdict["verdict"] == "budget"
    with pytest.raises(UserError, match="there already"):
        gan.save(tmp_path / "kept")


def test_pictures_come_back_as_bytes(photographs: Path) -> None:
    fakes = Gan(budget="2rounds", width=8, size=16, network="dcgan").fit(photographs).sample(5)
    assert isinstance(fakes, np.ndarray)
    assert fakes.shape == (5, 16, 16, 3)
    assert fakes.dtype == np.uint8


def test_it_is_the_command_line_s_own_game(
    penguins: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    Gan(budget="5rounds", width=8, seed=4).fit(penguins, tmp_path / "python")
    shell = ("train", penguins, "--budget", "5rounds", "--width", 8, "--seed", 4, "--out", tmp_path / "shell")
    assert evenodds(*shell).code == 0
    for name in ("generator", "optimizer_d"):
        files = [
            tmp_path / place / "checkpoints" / "best" / f"{name}.safetensors" for place in ("python", "shell")
        ]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_torch_s_own_random_state_and_threads_are_left_alone(penguins: Path) -> None:
    torch.manual_seed(1)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(1)
    Gan(budget="2rounds", width=8).fit(penguins).sample(3)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'bugdet', did you mean 'budget'"):
        Gan(bugdet="5s")  # type: ignore[call-arg]
    with pytest.raises(UserError, match=r"batch=0 makes no sense: .*greater than or equal to 2"):
        Gan(batch=0)
    with pytest.raises(ValueError, match="batch"):
        Gan(batch=0)
    with pytest.raises(UserError, match="budget"):
        Gan(budget="soon")
    with pytest.raises(UserError, match="a dict cannot be learnt from"):
        Gan().fit({"a": [1]})
    with pytest.raises(UserError, match="labels are for pictures in memory"):
        Gan().fit("digits", labels=[1])
    assert evenodds.__version__


@pytest.mark.medium
def test_the_package_hands_out_its_names_and_loads_torch_for_none_but_gan() -> None:
    code = (
        "import sys, evenodds\n"
        "assert evenodds.UserError and {'Gan', 'UserError', '__version__'} <= set(dir(evenodds))\n"
        "assert not {'torch', 'pandas', 'pydantic'} & set(sys.modules)\n"
        "from evenodds import Gan, UserError, __version__\n"
        "assert 'torch' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Gam'"):
        evenodds.Gam  # noqa: B018


# An estimator's habits


def shown_flags() -> set[str]:
    """What `evenodds train` takes of settings, by their names."""
    command = app["train"].assemble_argument_collection(parse_docstring=True).filter_by(show=True)
    return {one.name.removeprefix("--").replace("-", "_") for one in command if one.index is None}


def test_the_signature_is_the_command_line_s_flags() -> None:
    signature = inspect.signature(Gan)
    assert set(signature.parameters) == shown_flags() - {"out", "log", "json"}
    for group in Recipe().model_dump():
        settings = getattr(Recipe(), group)
        for name in type(settings).model_fields:
            parameter = signature.parameters[name]
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
            assert parameter.default == getattr(settings, name), name
            assert parameter.annotation == type(settings).model_fields[name].annotation, name


def test_help_tells_every_flag_with_its_default_and_what_it_is() -> None:
    text = pydoc.render_doc(Gan, renderer=pydoc.plaintext)
    for name, parameter in inspect.signature(Gan).parameters.items():
        entry = re.search(
            rf"^ \|  {name} : .*default {re.escape(repr(parameter.default))}.*\n(.+)$", text, re.M
        )
        assert entry is not None, name
        assert len(entry[1]) > 10, name
    assert "size : str | int | None, default None" in text
    assert "Side of square pictures in pixels" in text
    assert "lr_d : float, default 0.001, or what the preset says, in (0, 10]" in text


def test_what_is_not_chosen_is_left_to_presets_through_params_and_clone(penguins: Path) -> None:
    gan = Gan(width=64, exclude=("seen",), budget="2rounds")
    assert gan.get_params()["batch"] == 64
    for again in (clone(gan), Gan(**gan.get_params()), Gan(batch=8).set_params(**gan.get_params())):
        assert again.get_params() == gan.get_params()
        assert again.recipe.network.model_fields_set == {"width"}
        assert not again.recipe.game.model_fields_set
    assert clone(gan).fit(penguins).run.recipe.network.width == 64  # type: ignore[union-attr]
    preset = Gan(budget="2rounds", exclude=("seen",)).fit(penguins)
    assert preset.run is not None
    assert preset.run.recipe.network.width == 128
    assert Gan.load(preset.run.path).get_params()["width"] == 128
    assert Gan.load(preset.run.path).recipe == preset.run.recipe


def test_params_are_set_or_refused_as_a_whole() -> None:
    gan = Gan(seed=3)
    assert repr(gan.set_params(batch=32, network="gan")) == "Gan(seed=3, network='gan', batch=32)"
    for wrong in ({"seed": 4, "wings": 2}, {"seed": 4, "batch": 0}):
        with pytest.raises(ValueError, match=r"wings|batch"):
            gan.set_params(**wrong)
    assert gan.recipe.plan.seed == 3
    assert repr(Gan()) == "Gan()"
    assert repr(Gan(seed=0, exclude=())) == "Gan()"


def test_former_names_are_taken_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="rate_d is now called lr_d"):
        gan = Gan(rate_d=0.5)  # type: ignore[call-arg]
    assert gan.recipe.game.lr_d == 0.5
    with pytest.raises(TypeError, match="former name"), pytest.warns(DeprecationWarning, match="rate_d"):
        Gan(lr_d=0.1, rate_d=0.5)  # type: ignore[call-arg]


def test_nothing_is_asked_of_what_was_not_fitted() -> None:
    gan = Gan()
    calls: list[Callable[[], Any]] = [
        lambda: gan.sample(3),
        lambda: gan.judge("a=1"),
        lambda: gan.score(),
        lambda: gan.steer,
        lambda: gan.save("x"),
        gan.outlier_detector,
        lambda: check_is_fitted(gan),
    ]
    for call in calls:
        with pytest.raises(NotFittedError):
            call()
    with pytest.raises(UserError, match="nothing was trained yet"):
        gan.sample(3)


# What fit takes

SMALL: dict[str, Any] = {"budget": "2rounds", "width": 8}


def frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "flag": rng.random(rows) < 0.5,
            "count": pd.Series(rng.integers(0, 300, rows)).astype("Int64"),
            "grade": pd.Categorical(rng.choice(["lo", "hi"], rows), ["lo", "hi", "mid"], ordered=True),
            "when": pd.date_range("2020-01-01", periods=rows, tz="Europe/Berlin"),
            "wait": pd.to_timedelta(rng.integers(0, 5000, rows), unit="s"),
            "word": pd.Series(rng.choice(["x", "y"], rows), dtype=object),
            "size": rng.normal(size=rows),
        }
    )
    table.loc[::4, "count"] = pd.NA
    return table


@pytest.mark.medium
def test_a_frame_comes_back_with_its_dtypes_also_from_its_run_folder(tmp_path: Path) -> None:
    before = frame()
    gan = Gan(**SMALL).fit(before, tmp_path / "run")
    after = gan.sample(50, seed=1)
    assert after.dtypes.to_dict() == before.dtypes.to_dict()
    assert after["grade"].cat.categories.tolist() == ["lo", "hi", "mid"]
    assert isinstance(after.index, pd.RangeIndex)
    assert after["count"].isna().any()
    assert after["wait"].between(before["wait"].min(), before["wait"].max()).all()
    assert gan.sample(0).dtypes.to_dict() == before.dtypes.to_dict()
    with pytest.raises(UserError, match="0 or more"):
        gan.sample(-1)
    again = Gan.load(tmp_path / "run")
    pd.testing.assert_frame_equal(again.sample(50, seed=1), after)
    opinions = again.judge(before.head(12))
    assert opinions["percent_real"].between(0, 100).all()
    assert again.score(20)["figures"]


def test_a_fit_of_the_same_data_continues_and_of_other_data_is_refused(tmp_path: Path) -> None:
    Gan(**SMALL).fit(frame(), tmp_path / "run")
    gan = Gan(**{**SMALL, "budget": "4rounds"}).fit(frame(), tmp_path / "run")
    assert gan.run is not None
    assert gan.run.checks()[-1].round == 4
    with pytest.raises(UserError, match="fingerprint of the data"):
        Gan(**SMALL).fit(frame().head(50), tmp_path / "run")


def test_data_that_left_the_cache_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gan = Gan(**SMALL).fit(frame(), tmp_path / "run")
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "another"))
    with pytest.raises(UserError, match="call fit again with the same data"):
        gan.score(20)
    assert gan.fit(frame(), tmp_path / "run").score(20)["figures"]


@pytest.mark.medium
def test_tables_of_other_packages_come_back_as_such() -> None:
    polars = pytest.importorskip("polars")
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    fakes = Gan(**SMALL).fit(table).sample(20)
    assert fakes.schema.equals(table.schema)
    before = polars.from_arrow(table)
    gan = Gan(**SMALL).fit(before)
    assert gan.sample(20).schema == before.schema
    assert len(gan.judge(before.head(3))) == 3
    numbers = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    array = Gan(**SMALL).fit(numbers).sample(20)
    assert (array.shape, array.dtype) == ((20, 3), np.float32)


class Labelled(torch.utils.data.Dataset[Any]):
    """(picture, label), as torchvision's data sets give them."""

    classes = ("dark", "bright")

    def __init__(self, pictures: np.ndarray) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, position: int) -> tuple[torch.Tensor, int]:
        return torch.tensor(self.pictures[position]).permute(2, 0, 1) / 255, position % 2


@pytest.mark.medium
def test_pictures_of_every_kind_train() -> None:
    datasets = pytest.importorskip("datasets")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    images = [Image.fromarray(one) for one in pixels]
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["dark", "bright"])}
    )
    columns = {"image": images, "label": [position % 2 for position in range(40)]}
    data_set = datasets.Dataset.from_dict(columns, features=features)
    gray = Gan(**SMALL).fit(pixels[..., 0])
    assert gray.sample(3).shape == (3, 8, 8, 1)
    assert gray.sample(0).shape == (0, 8, 8, 1)
    assert len(gray.judge(gray.sample(3))) == 3
    for data in (pixels, images, torch.tensor(pixels).permute(0, 3, 1, 2)):
        assert Gan(**SMALL).fit(data).sample(3).shape == (3, 8, 8, 3)
    loader = torch.utils.data.DataLoader(Labelled(pixels), batch_size=16, shuffle=True)
    for data in (Labelled(pixels), loader, data_set):
        gan = Gan(condition="labels", **SMALL).fit(data)
        assert gan.sample(3, condition={"label": "bright"}).shape == (3, 8, 8, 3)
    gan = Gan(condition="labels", **SMALL).fit(pixels, labels=["a", "b"] * 20)
    assert gan.sample(2, condition="label=b").shape == (2, 8, 8, 3)
    with pytest.warns(DeprecationWarning, match="condition"):
        former = gan.sample(2, given="label=b")
    assert np.array_equal(former, gan.sample(2, condition="label=b"))
    with pytest.raises(TypeError, match="both"):
        gan.sample(2, condition="label=b", given="label=a")


def test_a_saved_data_set_trains_from_the_command_line(
    tmp_path: Path, evenodds: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    rng = np.random.default_rng(0)
    columns = {"height": rng.normal(size=60), "kind": ["a", "b"] * 30, "noise": rng.normal(size=60)}
    whole = datasets.Dataset.from_dict(columns)
    datasets.DatasetDict({"train": whole, "small": whole.select(range(20))}).save_to_disk(tmp_path / "data")
    shell = (
        "train",
        f"hf:{tmp_path / 'data'}",
        "--split",
        "small",
        "--columns",
        "height",
        "--columns",
        "kind",
    )
    answer = evenodds(*shell, "--budget", "2rounds", "--width", 8, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    gan = Gan.load(tmp_path / "run")
    assert list(gan.sample(3)) == ["height", "kind"]
    assert gan.run is not None
    assert gan.run.facts["data"]["told"]["counts"]["samples"] == 20
    assert gan.score(12)["figures"]
    doctor = evenodds("doctor", f"hf:{tmp_path / 'data'}", "--json")
    assert doctor.code == 0, doctor.err
    assert '"count": 60' in doctor.out
    wrong = evenodds("train", f"hf:{tmp_path / 'data'}", "--split", "valid")
    assert wrong.code == 2
    assert "train, small" in wrong.err
