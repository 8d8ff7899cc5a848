"""Fakes on disk: as many as asked, in the form asked, the same for the same seed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.gan import Gan
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "pictures", photographs, "--size", "16")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, penguins: Path) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "table", penguins)


def trained(run: Path, source: Path, *flags: str) -> Path:
    command = [sys.executable, "-m", "evenodds", "train", str(source), "--out", str(run), *flags]
    subprocess.run([*command, "--width", "8", "--budget", "20rounds"], check=True, capture_output=True)
    return run


def test_a_sheet_of_pictures(pictures: Path, tmp_path: Path, evenodds: Call) -> None:
    assert evenodds("sample", pictures, "-n", 9, "--out", tmp_path / "sheet.png").code == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == sheet.height
        assert sheet.width >= 3 * 16


def test_a_folder_of_pictures(pictures: Path, tmp_path: Path, evenodds: Call) -> None:
    assert evenodds("sample", pictures, "-n", 300, "--out", tmp_path / "fakes").code == 0
    files = sorted((tmp_path / "fakes").iterdir())
    assert len(files) == 300
    with Image.open(files[-1]) as fake:
        assert fake.size == (16, 16)
        assert fake.mode == "RGB"


def test_a_folder_that_holds_something_is_left_alone(pictures: Path, tmp_path: Path, evenodds: Call) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    answer = evenodds("sample", pictures, "-n", 4, "--out", tmp_path)
    assert answer.code == 2
    assert "already holds something" in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["fakes.csv", "fakes.parquet"])
def test_rows_have_the_table_s_own_columns_kinds_and_ranges(
    name: str, table: Path, penguins: Path, tmp_path: Path, evenodds: Call
) -> None:
    assert evenodds("sample", table, "-n", 5000, "--out", tmp_path / name).code == 0
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    fakes, reals = read(tmp_path / name), pd.read_csv(penguins)
    assert len(fakes) == 5000
    assert list(fakes) == list(reals)
    assert set(fakes["species"]) <= set(reals["species"])
    assert fakes["bill"].isna().any()
    assert fakes["bill"].min() >= reals["bill"].min()
    assert fakes["bill"].max() <= reals["bill"].max()
    assert pd.api.types.is_integer_dtype(fakes["flipper"])
    assert fakes["flipper"].between(reals["flipper"].min(), reals["flipper"].max()).all()
    if name.endswith("parquet"):  # which holds dates as such
        assert (fakes["seen"].dt.year == 2021).all()
    else:
        assert fakes["seen"].str.fullmatch(r"2021-\d\d-\d\d").all()


def test_a_seed_gives_the_same_fakes_and_another_gives_others(
    table: Path, tmp_path: Path, evenodds: Call
) -> None:
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        assert (
            evenodds("sample", table, "-n", 50, "--seed", seed, "--out", tmp_path / f"{name}.csv").code == 0
        )
    one, two, three = ((tmp_path / f"{name}.csv").read_text() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_what_does_not_fit_is_refused(pictures: Path, table: Path, tmp_path: Path, evenodds: Call) -> None:
    for run, to, word in (
        (pictures, tmp_path / "x.csv", "makes pictures"),
        (table, tmp_path / "x.png", "makes table rows"),
        (table, tmp_path / "folder", "makes table rows"),
        (tmp_path, tmp_path / "x.png", "is no run"),
    ):
        answer = evenodds("sample", run, "-n", 4, "--out", to)
        assert answer.code == 2
        assert word in answer.err
        assert not to.exists()
    assert evenodds("sample", table, "-n", -1, "--out", tmp_path / "x.csv").code == 2


def test_a_damaged_run_is_said(table: Path, tmp_path: Path, evenodds: Call) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text('{"settings": {')
    answer = evenodds("sample", run)
    assert answer.code == 2
    assert "recipe.json does not read" in answer.err


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_fakes(table: Path, tmp_path: Path) -> None:
    def peak(n: int) -> int:
        command = ["sample", str(table), "-n", str(n), "--out", str(tmp_path / f"{n}.csv")]
        script = (
            "import resource\n"
            "from evenodds.cli.main import main\n"
            f"try:\n    main({command})\n"
            "except SystemExit as leaving:\n    assert not leaving.code\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return int(done.stdout.splitlines()[-1])

    assert peak(400_000) < 1.1 * peak(10_000)


@pytest.mark.parametrize("name", ["fakes.csv", "fakes.parquet"])
def test_no_rows_are_an_empty_table_with_the_columns_and_kinds_of_some(
    name: str, table: Path, tmp_path: Path, evenodds: Call
) -> None:
    none, some = Gan.load(table).sample(0), Gan.load(table).sample(200)
    assert isinstance(none, pd.DataFrame)
    assert isinstance(some, pd.DataFrame)
    assert len(none) == 0
    assert none.dtypes.to_dict() == some.dtypes.to_dict()
    answer = evenodds("sample", table, "-n", 0, "--out", tmp_path / name)
    assert (answer.code, answer.out.split()[:2]) == (0, ["0", "fakes"])
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    written = read(tmp_path / name)
    assert (len(written), list(written)) == (0, list(some))


def test_no_pictures_are_an_empty_array_or_folder_but_no_sheet(
    pictures: Path, tmp_path: Path, evenodds: Call
) -> None:
    none = Gan.load(pictures).sample(0)
    assert isinstance(none, np.ndarray)
    assert (none.shape, none.dtype) == ((0, 16, 16, 3), np.uint8)
    assert evenodds("sample", pictures, "-n", 0, "--out", tmp_path / "fakes").code == 0
    assert list((tmp_path / "fakes").iterdir()) == []
    answer = evenodds("sample", pictures, "-n", 0, "--out", tmp_path / "sheet.png")
    assert answer.code == 2
    assert "a sheet of no pictures" in answer.err
    assert evenodds("sample", pictures, "-n", -1, "--out", tmp_path / "other").code == 2


def test_truncated_pictures_vary_less_and_its_range_is_checked(
    pictures: Path, table: Path, evenodds: Call
) -> None:
    gan = Gan.load(pictures)
    spreads = [gan.sample(200, truncation=truncation).std(0).mean() for truncation in (1.0, 0.7, 0.3)]
    assert spreads == sorted(spreads, reverse=True)
    assert (gan.sample(3, truncation=1.0) == gan.sample(3)).all()
    for truncation in (0, -1, 1.5):
        assert "out of range" in evenodds("sample", pictures, "--truncation", truncation).err
    assert "--truncation 0.5 is for pictures" in evenodds("sample", table, "--truncation", 0.5).err
    with pytest.raises(UserError, match="truncation=2 is out of range"):
        gan.sample(1, truncation=2)


def test_a_grid_has_so_many_columns_and_rows(pictures: Path, tmp_path: Path, evenodds: Call) -> None:
    assert evenodds("sample", pictures, "--grid", "8x2", "--out", tmp_path / "sheet.png").code == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert (sheet.width + 2) / 8 == (sheet.height + 2) / 2


def test_an_enlarged_sheet_repeats_each_pixel(pictures: Path, tmp_path: Path, evenodds: Call) -> None:
    sheets = {}
    for times in (1, 5):
        path = tmp_path / f"{times}.png"
        command = ("sample", pictures, "--grid", "3x2", "--enlarge", times, "--out", path)
        assert evenodds(*command).code == 0
        with Image.open(path) as sheet:
            assert sheet.size == (3 * (16 * times + 2) - 2, 2 * (16 * times + 2) - 2)
            sheets[times] = np.asarray(sheet)
    first, large = sheets[1][:16, :16], sheets[5][:80, :80]
    np.testing.assert_array_equal(large, first.repeat(5, 0).repeat(5, 1))


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--grid", "8"), "--grid 8 is no grid"),
        (("--grid", "0x4"), "--grid 0x4 is no grid"),
        (("--grid", "8x4", "-n", "31"), "holds 32 samples and -n asks for 31"),
        (("--grid", "8x4", "--out", "folder"), "--grid is for a sheet"),
        (("--enlarge", "4", "--out", "folder"), "--enlarge is for a sheet"),
        (("--enlarge", "0"), "--enlarge 0 shows nothing"),
        (("--enlarge", "400", "-n", "64"), "makes a sheet too large to open"),
        (("--best", "10%", "--min-real", "3"), "give one of them"),
        (("--best", "much"), "--best much is no share"),
        (("--best", "100%"), "--best 100% is no share"),
        (("--min-real", "100"), "--min-real 100 is no percent"),
    ],
)
def test_a_choice_that_cannot_be_is_one_sentence(
    pictures: Path, evenodds: Call, flags: tuple[str, ...], problem: str
) -> None:
    answer = evenodds("sample", pictures, *flags)
    assert answer.code == 2
    assert problem in answer.err
