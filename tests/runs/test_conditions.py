"""Fakes under conditions that a user asks for: held exactly, drawn as the data held them, or refused in a sentence."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pandas.testing import assert_frame_equal
from PIL import Image
from scipy.stats import kstest

from evenodds.core.errors import UserError
from evenodds.core.spec import ConditionKind, RowSpec, Span
from evenodds.data.conditioning import RequestedValue, requested_values
from evenodds.data.tables.codec import TableCodec
from evenodds.gan import Gan
from evenodds.runs.conditions import CPU, agreeing, resolve_condition
from evenodds.runs.matching import Matching, matching_of
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler, as_pictures
from evenodds.runs.source_data import store_of
from tests.conftest import Answer, mixed

Call = Callable[..., Answer]
Bytes = NDArray[np.uint8]

SIDE, GAP, SCALE = 16, 2, 4
"""Pixels of a picture's side, between pictures of a sheet, and how many times these are enlarged there."""
LEVELS = {"town": {"north": 0.6, "south": 0.3, "east": 0.1}, "owner": {"yes": 0.5, "no": 0.5}}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 1,000 rows. Towns have streets of their own; rent and rooms are numbers; no town is missing."""
    rng = np.random.default_rng(0)
    town = rng.choice(list(LEVELS["town"]), 1_000, p=list(LEVELS["town"].values()))
    streets = {"north": ("oak", "elm"), "south": ("elm", "high"), "east": ("quay",)}
    path = tmp_path_factory.mktemp("table") / "homes.csv"
    frame = pd.DataFrame(
        {
            "town": town,
            "rent": rng.gamma(4, 200, 1_000).round(1),
            "street": [rng.choice(streets[name]) for name in town],
            "rooms": rng.integers(1, 90, 1_000),
            "owner": rng.choice(["yes", "no"], 1_000),
        }
    )
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, homes: Path) -> Path:
    gan = Gan(condition="town,street,rent,rooms", **small())
    return gan.fit(homes, tmp_path_factory.mktemp("runs") / "table").fitted().path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    """A run from outlines to colour pictures."""
    gan = Gan(condition="outlines", size=SIDE, batch=4, **small())
    return gan.fit(photographs, tmp_path_factory.mktemp("runs") / "drawn").fitted().path


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    """The photographs in the subfolders a and b."""
    folder = tmp_path_factory.mktemp("classes")
    for place, picture in enumerate(sorted(photographs.iterdir())):
        kind = folder / "ab"[place % 2]
        kind.mkdir(exist_ok=True)
        shutil.copy(picture, kind)
    return folder


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, classes: Path) -> Path:
    gan = Gan(condition="labels", network="gan", size=SIDE, **small())
    return gan.fit(classes, tmp_path_factory.mktemp("runs") / "labelled").fitted().path


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    """A run without a condition."""
    gan = Gan(network="gan", size=SIDE, **small())
    return gan.fit(photographs, tmp_path_factory.mktemp("runs") / "free").fitted().path


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """A folder of three drawings, two of them in a subfolder, and two files that are no pictures."""
    folder = tmp_path / "drawings"
    (folder / "more" / "of them").mkdir(parents=True)
    for place, name in enumerate(("one.png", "more/two.bmp", "more/of them/three.gif")):
        sketch(place).save(folder / name)
    (folder / "more" / "bad.png").write_text("no picture")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "letter.txt").write_text("Dear all")
    return folder


def small() -> dict[str, Any]:
    """Settings of a game that takes no time, and learns nothing."""
    return {"budget": "2rounds", "width": 8, "latent": 8, "head_turns": 5}


def sketch(place: int) -> Image.Image:
    """A black frame of one pixel's width on white, as large as the run's pictures."""
    image = Image.new("L", (SIDE, SIDE), 255)
    for step in range(3 + place, 13 - place):
        for dot in ((step, 3 + place), (step, 12 - place), (3 + place, step), (12 - place, step)):
            image.putpixel(dot, 0)
    return image


def lines(place: int) -> Bytes:
    """What a sketch asks for, (1, SIDE, SIDE)."""
    return (255 - np.asarray(sketch(place)))[None]


def cells(path: Path, columns: int, count: int) -> Bytes:
    """The first ``count`` pictures of a sheet of so many columns, (count, SIDE, SIDE, 3)."""
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    step = SIDE * SCALE + GAP
    found = []
    for place in range(count):
        y, x = place // columns * step, place % columns * step
        found.append(pixels[y:, x:][: SIDE * SCALE : SCALE, : SIDE * SCALE : SCALE])
    return np.stack(found)


def opened(path: Path) -> Bytes:
    with Image.open(path) as image:
        return np.asarray(image)


def made(gan: Gan, n: int, **more: Any) -> Bytes:
    fakes = gan.sample(n, **more)
    assert isinstance(fakes, np.ndarray)
    return cast(Bytes, fakes)


def rows(run: Path, n: int, **more: Any) -> pd.DataFrame:
    fakes = Gan.load(run).sample(n, **more)
    assert isinstance(fakes, pd.DataFrame)
    return fakes


# Tables


@pytest.mark.parametrize(
    ("asked", "name", "value"),
    [
        ("town=south", "town", "south"),
        ("rent=612.34", "rent", 612.3),
        ("rooms=17", "rooms", 17),
        ("street=quay,town=north,rooms=3", "street", "quay"),
        ("street=quay,town=north,rooms=3", "town", "north"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_every_row_holds_what_was_asked(
    asked: str, name: str, value: Any, suffix: str, table: Path, homes: Path, tmp_path: Path, evenodds: Call
) -> None:
    to = tmp_path / f"fakes.{suffix}"
    assert evenodds("sample", table, "-n", 3000, "--condition", asked, "--out", to).code == 0
    fakes = pd.read_csv(to) if suffix == "csv" else pd.read_parquet(to)
    reals = pd.read_csv(homes)
    assert len(fakes) == 3000
    assert (fakes[name] == value).all()
    assert fakes.dtypes.equals(reals.dtypes)
    for other in set(reals) - {part.split("=")[0] for part in asked.split(",")}:
        assert fakes[other].nunique() > 1


ASKED_OF_MIXED: dict[str, tuple[str, Any]] = {
    "count=17": ("count", 17),
    "count=": ("count", None),
    "sex=f": ("sex", "f"),
    "sex=": ("sex", None),
    "ok=no": ("ok", False),
    "ok=": ("ok", None),
    "day=2020-03-01": ("day", pd.Timestamp("2020-03-01")),
}


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table of every kind of column, all but one of them given."""
    folder = tmp_path_factory.mktemp("mixed")
    mixed().to_parquet(folder / "mixed.parquet")
    return (
        Gan(condition="count,sex,ok,day", **small())
        .fit(folder / "mixed.parquet", folder / "run")
        .fitted()
        .path
    )


@pytest.mark.parametrize("asked", ASKED_OF_MIXED)
def test_every_kind_of_column_holds_what_was_asked_in_its_own_type(asked: str, every: Path) -> None:
    name, value = ASKED_OF_MIXED[asked]
    fakes, usual = rows(every, 400, condition=asked), rows(every, 400)
    assert fakes.dtypes.equals(usual.dtypes)
    assert usual[name].nunique(dropna=False) > 1
    if value is None:
        assert fakes[name].isna().all()
    else:
        assert (fakes[name] == value).all()
    assert rows(every, 400, condition={name: value}).equals(fakes)


@pytest.mark.parametrize("column", ["town", "street"])
def test_without_a_wish_choices_come_as_often_as_in_the_data(column: str, table: Path, homes: Path) -> None:
    reals, fakes = pd.read_csv(homes)[column], rows(table, 5000, seed=1)[column]
    assert set(fakes) == set(reals)
    for level in set(reals):
        share = (reals == level).mean()
        # Four standard deviations of 5,000 draws from the 900 rows that are trained on.
        deviation = (share * (1 - share) * (1 / 5000 + 0.1 / 900)) ** 0.5
        assert (fakes == level).mean() == pytest.approx(share, abs=4 * deviation)


@pytest.mark.parametrize("column", ["rent", "rooms"])
def test_without_a_wish_numbers_are_spread_as_in_the_data(column: str, table: Path, homes: Path) -> None:
    fakes, reals = rows(table, 5000, seed=1)[column], pd.read_csv(homes)[column]
    assert kstest(fakes, reals).statistic < 0.04


def test_without_a_wish_given_values_stay_together(table: Path, homes: Path) -> None:
    fakes, reals = rows(table, 3000), pd.read_csv(homes)
    assert set(zip(fakes["town"], fakes["street"], strict=True)) == set(
        zip(reals["town"], reals["street"], strict=True)
    )


@pytest.mark.parametrize(
    ("asked", "streets"), [("north", {"oak", "elm"}), ("south", {"elm", "high"}), ("east", {"quay"})]
)
def test_what_is_not_asked_for_is_drawn_from_what_the_data_held_with_it(
    asked: str, streets: set[str], table: Path
) -> None:
    assert set(rows(table, 2000, condition={"town": asked})["street"]) == streets
    assert set(rows(table, 2000, condition={"street": "quay"})["town"]) == {"east"}


def test_what_the_data_never_held_together_may_be_asked_for(table: Path) -> None:
    fakes = rows(table, 500, condition={"town": "east", "street": "oak"})
    assert (fakes["town"] == "east").all()
    assert (fakes["street"] == "oak").all()
    assert fakes["rent"].nunique() > 50


def test_each_row_of_a_table_has_a_fake_of_its_own(table: Path, tmp_path: Path, evenodds: Call) -> None:
    """In their order, and again from the first where more are asked for; empty cells follow the data."""
    requests = pd.DataFrame({"town": ["south", "north", None, "south"] * 5, "rooms": [4, None, 2, 3] * 5})
    path, out = tmp_path / "requests.csv", tmp_path / "out.csv"
    requests.astype({"rooms": "Int64"}).to_csv(path, index=False)
    assert evenodds("sample", table, "--condition", path, "--out", out).code == 0
    made = pd.read_csv(out)
    assert len(made) == 20
    for name in requests.columns:
        held = requests[name].notna()
        assert (made[name][held] == requests[name][held]).all()
        assert made[name].notna().all()
    run = Run.open(table)
    again = pd.concat(Sampler(run, CPU).rows(30, 0, resolve_condition(run, requests, 0)), ignore_index=True)
    assert again["town"][20:22].tolist() == ["south", "north"]
    assert_frame_equal(again.head(20)[["town", "rooms"]], made[["town", "rooms"]], check_dtype=False)
    for bad, words in (("town\nmoon\n", "row 1 of those requested"), ("moon\n1\n", "none of the columns")):
        path.write_text(bad)
        refused(evenodds("sample", table, "--condition", path, "--out", out), words)


def test_columns_that_were_not_trained_for_are_chosen_by(table: Path, tmp_path: Path, evenodds: Call) -> None:
    """Fakes that have the value are as those without a wish that have it, and it is said what that takes."""
    out = tmp_path / "out.csv"
    answer = evenodds("sample", table, "--condition", "owner=yes,town=south", "-n", 15_000, "--out", out)
    assert answer.code == 0, answer
    assert "fakes has owner=yes: the others are drawn and dropped" in answer.err
    made = pd.read_csv(out)
    assert len(made) == 15_000
    assert set(made["owner"]) == {"yes"}
    assert set(made["town"]) == {"south"}
    free = rows(table, 20_000, condition="town=south")
    free = free[free["owner"] == "yes"]
    assert (
        abs(made["rent"].mean() - free["rent"].mean())
        < 5 * free["rent"].std() / min(len(made), len(free)) ** 0.5
    )
    answer = evenodds("sample", table, "--condition", "owner=yes", "--best", "50%", "--out", out)
    assert answer.code == 2
    assert "choose among fakes, and owner=yes does, too" in answer.err


def test_what_hardly_any_fake_has_is_refused_with_what_to_train(table: Path) -> None:
    run = Run.open(table)
    codec = TableCodec.from_json(run.codec())
    rare = Matching({"owner": "nobody"}, "owner=nobody")
    assert matching_of(codec, {"owner": "yes"}).values == {"owner": "yes"}
    with pytest.raises(UserError, match=r"0 of 20,000 fakes have that, .* train with --condition owner"):
        next(Sampler(run, CPU).rows(5, 0, replace(resolve_condition(run, None, 0), matching=rare)))


@pytest.mark.parametrize("asked", [(), ("--condition", "town=south,rooms=4")])
def test_a_seed_gives_the_same_rows_and_another_gives_others(
    asked: tuple[str, ...], table: Path, tmp_path: Path, evenodds: Call
) -> None:
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        to = tmp_path / f"{name}.csv"
        assert evenodds("sample", table, "-n", 2100, "--seed", seed, "--out", to, *asked).code == 0
    one, two, three = ((tmp_path / f"{name}.csv").read_text() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_a_stream_of_rows_is_no_repetition(table: Path) -> None:
    fakes = rows(table, 6000, condition="town=north")
    first, second = fakes[:2048], fakes[2048:4096]
    assert not first.reset_index(drop=True).equals(second.reset_index(drop=True))
    assert (first["rent"].to_numpy() != second["rent"].to_numpy()).mean() > 0.9


# Pictures


def test_a_drawing_becomes_one_picture(drawn: Path, drawings: Path, tmp_path: Path, evenodds: Call) -> None:
    answer = evenodds("sample", drawn, "--condition", drawings / "one.png", "--out", tmp_path / "out.png")
    assert answer == Answer(0, f"1 fake in {tmp_path / 'out.png'}\n", "")
    picture = opened(tmp_path / "out.png")
    assert picture.shape == (SIDE, SIDE, 3)
    assert np.array_equal(picture, made(Gan.load(drawn), 1, condition=drawings / "one.png")[0])
    assert not np.array_equal(picture, made(Gan.load(drawn), 1)[0])


def test_a_photograph_of_another_size_becomes_one_of_the_run_s(
    drawn: Path, photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    answer = evenodds("sample", drawn, "--condition", photographs / "00.png", "--out", tmp_path / "out.png")
    assert answer.code == 0
    assert answer.err == "00.png: 24 × 24 px fitted to 16 × 16 px; its outlines were taken\n"
    assert opened(tmp_path / "out.png").shape == (SIDE, SIDE, 3)


def test_a_picture_is_made_at_the_size_that_is_asked(
    drawn: Path, photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    one = photographs / "00.png"
    command = ("sample", drawn, "--condition", one, "--out", tmp_path / "out.png")
    assert evenodds(*command, "--size", "40x24").code == 0
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (40, 24)
    assert evenodds(*command, "--size", SIDE).code == 0
    assert np.array_equal(opened(tmp_path / "out.png"), made(Gan.load(drawn), 1, condition=one)[0])
    refused(evenodds(*command, "--size", "auto"), "--size auto is for train")
    refused(evenodds(*command, "--size", "4"), "--size 4", "greater than or equal to 8")
    refused(evenodds("sample", drawn, "--size", "40", "--out", tmp_path / "o.png"), "leave --size out")


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_becomes_a_folder_with_its_names(
    drawn: Path, drawings: Path, tmp_path: Path, evenodds: Call, *, packed: bool
) -> None:
    given, out = drawings, tmp_path / "out"
    if packed:
        given = Path(shutil.make_archive(str(tmp_path / "drawings"), "zip", drawings))
    answer = evenodds("sample", drawn, "--condition", given, "--out", out)
    assert answer.code == 0
    assert answer.out == f"3 fakes in {out}\n"
    told = [line for line in answer.err.splitlines() if "left out" in line]
    assert told == ["empty.jpg is left out: zero bytes", "more/bad.png is left out: not a picture"]
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert names == ["more/of them/three.png", "more/two.png", "one.png"]
    fakes = made(Gan.load(drawn), 3, condition=given)
    files = [drawings / name for name in ("more/of them/three.gif", "more/two.bmp", "one.png")]
    for place, (name, file) in enumerate(zip(names, files, strict=True)):
        assert np.array_equal(opened(out / name), fakes[place])
        # The same noise: at this place stands what this drawing alone gives there.
        assert np.array_equal(fakes[place], made(Gan.load(drawn), 3, condition=file)[place])


def test_three_of_one_drawing_are_three_pictures(
    drawn: Path, drawings: Path, tmp_path: Path, evenodds: Call
) -> None:
    command = ("sample", drawn, "-n", 3, "--condition", drawings / "one.png", "--out")
    assert evenodds(*command, tmp_path / "out").code == 0
    fakes = [opened(tmp_path / "out" / f"00000{place}.png") for place in range(3)]
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert len({fake.tobytes() for fake in fakes}) == 3  # by pix2pix's dropout
    assert evenodds(*command, tmp_path / "sheet.png").code == 0
    found = cells(tmp_path / "sheet.png", 6, 6)
    assert np.array_equal(found[0::2], np.stack([as_pictures(lines(0)[None], 3)[0]] * 3))
    assert np.array_equal(found[1::2], np.stack(fakes))


def test_a_sheet_of_a_folder_has_each_drawing_beside_its_fake(
    drawn: Path, drawings: Path, tmp_path: Path, evenodds: Call
) -> None:
    command = ("sample", drawn, "--condition", drawings, "--out", tmp_path / "sheet.png")
    assert evenodds(*command, "-n", 5, "--seed", 2).code == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        step = SIDE * SCALE + GAP
        assert sheet.size == (8 * step - GAP, 2 * step - GAP)  # four drawings with fakes across
    found = cells(tmp_path / "sheet.png", 8, 10)
    # In the order of the names: more/of them/three.gif, more/two.bmp, one.png, and on from the first.
    given = np.stack([lines(place) for place in (2, 1, 0, 2, 1)])
    assert np.array_equal(found[0::2], as_pictures(given, 3))
    assert np.array_equal(found[1::2], made(Gan.load(drawn), 5, seed=2, condition=drawings))


def test_without_a_wish_held_out_conditions_stand_beside_fakes_and_reals(
    drawn: Path, tmp_path: Path, evenodds: Call
) -> None:
    assert evenodds("sample", drawn, "--out", tmp_path / "sheet.png", "-n", 6).code == 0
    store = store_of(Gan.load(drawn).fitted())
    places = np.arange(6) % store.n_heldout
    given = cast(Bytes, store.conditions("heldout", places))
    found = cells(tmp_path / "sheet.png", 12, 18)
    assert given.any()
    assert np.array_equal(found[0::3], as_pictures(given, 3))
    assert np.array_equal(found[1::3], made(Gan.load(drawn), 6))
    assert np.array_equal(found[2::3], store.heldout(places).transpose(0, 2, 3, 1))
    assert evenodds("sample", drawn, "--out", tmp_path / "usual.png").out.startswith("4 fakes")


@pytest.mark.parametrize("kind", ["gray", "small", "masked"])
def test_a_picture_that_is_given_is_made_as_the_data_s_were(
    kind: ConditionKind, photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    gan = Gan(condition=kind, size=SIDE, batch=4, **small()).fit(photographs, tmp_path / "run")
    assert evenodds("sample", tmp_path / "run", "--out", tmp_path / "own.png").code == 0
    sheet = cells(tmp_path / "own.png", 12, 12)
    store = store_of(gan.fitted())
    places = np.arange(store.n_heldout)
    given = cast(Bytes, store.conditions("heldout", places))
    assert np.array_equal(sheet[0::3], as_pictures(given, 3))
    # The same pictures brought by a user ask for the same: the fakes are pixel for pixel those of the run's own.
    reals = np.ascontiguousarray(store.heldout(places).transpose(0, 2, 3, 1))
    assert np.array_equal(made(gan, 4, condition=reals), sheet[1::3])
    assert np.array_equal(sheet[2::3], reals)


# Python


def test_labels_by_name_or_in_words_steer_a_game_on_classes(classes: Path, labelled: Path) -> None:
    gan = Gan(condition="label", network="gan", size=SIDE, **small()).fit(classes)
    assert made(gan, 4, condition={"label": "a"}).shape == (4, SIDE, SIDE, 3)
    gan = Gan.load(labelled)
    a, b = made(gan, 4, condition={"label": "a"}), made(gan, 4, condition={"label": "b"})
    assert not np.array_equal(a, b)
    assert np.array_equal(a, made(gan, 4, condition="label=a"))
    with pytest.raises(UserError, match="knows no 'c', ask for a, b"):
        gan.sample(4, condition={"label": "c"})


def test_pictures_as_bytes_as_path_and_as_text_are_the_same(drawn: Path, drawings: Path) -> None:
    gan = Gan.load(drawn)
    file = drawings / "more" / "two.bmp"
    by_path = made(gan, 3, condition=file)
    assert by_path.shape == (3, SIDE, SIDE, 3)
    assert np.array_equal(by_path, made(gan, 3, condition=str(file)))
    pixels = np.asarray(sketch(1))
    for given in (pixels[None, ..., None], pixels[None, ..., None].repeat(3, axis=3)):
        assert np.array_equal(by_path, made(gan, 3, condition=given))
    both = np.stack([np.asarray(sketch(place)) for place in (1, 2)])[..., None]
    found = made(gan, 3, condition=both)
    assert np.array_equal(found[0], by_path[0])
    assert np.array_equal(found[2], by_path[2])
    assert not np.array_equal(found[1], by_path[1])


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((SIDE, SIDE, 3), np.uint8),
        np.zeros((2, SIDE, SIDE), np.uint8),
        np.zeros((2, 3, SIDE, SIDE), np.uint8),
        np.zeros((2, SIDE, SIDE, 3)),
    ],
)
def test_pictures_of_another_form_are_refused(given: np.ndarray, drawn: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be given, give uint8 \(m, H, W, C\)"):
        Gan.load(drawn).sample(2, condition=given)


def test_a_wish_leaves_torch_s_random_state_alone(drawn: Path, drawings: Path) -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    Gan.load(drawn).sample(2, condition=drawings / "one.png")
    assert torch.equal(torch.rand(3), expected)


# What is wrong


def refused(answer: Answer, *words: str) -> None:
    """One sentence on stderr that holds the words, exit code 2."""
    assert answer.code == 2, answer
    assert answer.err.startswith("evenodds: ")
    assert answer.err.count("\n") == 1, answer.err
    for word in words:
        assert word in answer.err, answer.err


SAMPLES_REFUSED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "no condition, a value": ("free", "label=a", ("trained without a condition", "--condition")),
    "no condition, a drawing": ("free", "one.png", ("trained without a condition", "--condition")),
    "unknown label": ("labelled", "label=c", ("'label' knows no 'c'", "a, b")),
    "unknown name of a label": ("labelled", "hair=red", ("nothing was trained for 'hair'", "label")),
    "a label alone": ("labelled", "a", ("values of label", "label=...")),
    "a drawing for labels": ("labelled", "one.png", ("one.png", "values of label", "label=...")),
    "a folder for labels": ("labelled", ".", ("values of label", "label=...")),
    "nothing for labels": ("labelled", "", ("values of label", "label=...")),
    "a missing label": ("labelled", "label=", ("never was missing", "give it a value")),
    "unknown column": (
        "table",
        "colour=red",
        ("no fake has values of 'colour'", "town, rent, street, rooms, owner"),
    ),
    "a level of a column that is made": ("table", "owner=maybe", ("'owner' knows no 'maybe'", "no, yes")),
    "unknown level": ("table", "town=west", ("'town' knows no 'west'", "north", "south", "east")),
    "no number": ("table", "rent=cheap", ("'cheap' is no number",)),
    "beyond the data": ("table", "rent=1e6", ("'rent' goes from", "nothing outside")),
    "a column twice": ("table", "rooms=1,rooms=2", ("'rooms' twice",)),
    "a drawing for rows": ("table", "one.png", ("values of town, rent, street, rooms", "town=...")),
    "values for a picture": ("drawn", "label=a", ("trained for outlines", "picture file or a folder")),
    "nothing for a picture": ("drawn", "", ("trained for outlines", "picture file or a folder")),
    "a missing file": ("drawn", "gone.png", ("gone.png is not there", "picture file or a folder")),
    "an empty folder": ("drawn", "nothing", ("picture",)),
}


@pytest.mark.parametrize("case", SAMPLES_REFUSED)
def test_a_wish_that_does_not_fit_is_refused(
    case: str, tmp_path: Path, evenodds: Call, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture, given, words = SAMPLES_REFUSED[case]
    run = request.getfixturevalue(fixture)
    sketch(0).save(tmp_path / "one.png")
    (tmp_path / "nothing").mkdir()
    monkeypatch.chdir(tmp_path)
    to = tmp_path / ("out.csv" if fixture == "table" else "out.png")
    refused(evenodds("sample", run, "--condition", given, "--out", to), *words)
    assert not to.exists()


@pytest.mark.parametrize("given", ["bad", "bad/a.png", "bad.zip"])
def test_nothing_readable_among_what_is_given(
    given: str, drawn: Path, tmp_path: Path, evenodds: Call
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_text("no picture")
    shutil.make_archive(str(tmp_path / "bad"), "zip", tmp_path / "bad")
    answer = evenodds("sample", drawn, "--condition", tmp_path / given, "--out", tmp_path / "out")
    assert answer.code == 2
    assert "a.png is left out: not a picture\n" in answer.err
    assert answer.err.splitlines()[-1].startswith("evenodds: none of the pictures given can be read")
    assert not (tmp_path / "out").exists()


def test_a_picture_that_is_torn_in_its_zip_is_told_and_left_out(
    drawn: Path, tmp_path: Path, evenodds: Call
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 40, 40), dtype=np.uint8)
    with zipfile.ZipFile(tmp_path / "torn.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pixels in zip(("one.png", "two.png"), noise, strict=True):
            content = BytesIO()
            Image.fromarray(pixels).save(content, "PNG")
            archive.writestr(name, content.getvalue())
    whole = bytearray((tmp_path / "torn.zip").read_bytes())
    whole[200:400] = bytes(200)
    (tmp_path / "torn.zip").write_bytes(whole)
    answer = evenodds("sample", drawn, "--condition", tmp_path / "torn.zip", "--out", tmp_path / "out")
    assert answer.code == 0
    assert "one.png is left out: damaged" in answer.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["two.png"]


def test_names_in_a_zip_lead_nowhere_outside_of_the_folder(
    drawn: Path, tmp_path: Path, evenodds: Call
) -> None:
    content = BytesIO()
    sketch(0).save(content, "PNG")
    with zipfile.ZipFile(tmp_path / "sly.zip", "w") as archive:
        for name in (f"{tmp_path}/outside.png", "../above.png", "inside.png"):
            archive.writestr(zipfile.ZipInfo(name), content.getvalue())
    answer = evenodds("sample", drawn, "--condition", tmp_path / "sly.zip", "--out", tmp_path / "out")
    assert answer.code == 0
    assert not (tmp_path / "outside.png").exists()
    assert not (tmp_path / "above.png").exists()
    assert (tmp_path / "out" / "inside.png").exists()
    assert "../above.png is left out: its name points outside the zip" in answer.err


GAMES_REFUSED: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "dcgan from outlines": (
        "photographs",
        ("--network", "dcgan", "--condition", "outlines"),
        ("--network dcgan", "--condition outlines", "pix2pix, resunet"),
    ),
    "pix2pix from labels": (
        "classes",
        ("--network", "pix2pix", "--condition", "labels", "--l1", "0"),
        ("--network pix2pix", "--condition labels", "dcgan"),
    ),
    "l1 without a condition": ("photographs", ("--l1", "3"), ("--l1", "leave it out", "--condition")),
    "l1 with labels": ("classes", ("--condition", "labels", "--l1", "3"), ("--l1", "made from a picture")),
    "contrast with labels": (
        "classes",
        ("--condition", "labels", "--contrast", "1"),
        ("--contrast", "without partners"),
    ),
    "a pool of outlines": (
        "classes",
        ("--condition", "outlines", "--pool", "50"),
        ("--pool", "without partners"),
    ),
    "l1 of a table": ("homes", ("--condition", "town", "--l1", "3"), ("--l1", "made from a picture")),
    "ssim without a condition": ("photographs", ("--ssim", "3"), ("--ssim", "leave it out", "--condition")),
    "labels where there are none": (
        "photographs",
        ("--condition", "labels"),
        ("has no labels", "one folder a class", "metadata.csv"),
    ),
    "pairs where there are none": (
        "photographs",
        ("--condition", "pairs"),
        ("no pair of pictures", "A and B"),
    ),
    "outlines of a table": ("homes", ("--condition", "outlines"), ("is for pictures", "town, rent")),
}


@pytest.mark.parametrize("case", GAMES_REFUSED)
def test_a_game_that_cannot_be_is_refused(
    case: str, tmp_path: Path, evenodds: Call, request: pytest.FixtureRequest
) -> None:
    fixture, flags, words = GAMES_REFUSED[case]
    source = request.getfixturevalue(fixture)
    size = () if fixture == "homes" else ("--size", SIDE)
    out = tmp_path / "run"
    refused(evenodds("train", source, "--out", out, "--budget", "2rounds", *size, *flags), *words)
    assert not out.exists()


def test_people_have_no_labels(tmp_path: Path, evenodds: Call) -> None:
    answer = evenodds("train", "people", "--condition", "labels", "--out", tmp_path / "run")
    refused(answer, "--condition labels is for pictures", "people is a table", "height, weight")


def test_a_run_s_condition_is_part_of_its_recipe(labelled: Path, classes: Path, evenodds: Call) -> None:
    flags = ("--network", "gan", "--size", SIDE, "--width", 8, "--latent", 8, "--head-turns", 5)
    command = ("train", classes, "--out", labelled, *flags, "--budget", "2rounds")
    refused(evenodds(*command), "another recipe", "data.condition: labels -> None")


def test_what_a_number_is_asked_with_comes_from_values_near_it() -> None:
    """x goes with v's sign; rows asked for with v far up hold the x of such rows."""
    spec = RowSpec((Span(0, 2, "category"), Span(2, 3, "number")))
    rng = np.random.default_rng(0)
    v = rng.normal(0, 1.5, 4_000).astype(np.float32)
    kept = np.column_stack([v < 0, v >= 0, v]).astype(np.float32)
    asked = RequestedValue("v", 2, 3, np.array([2.0], np.float32), 2.0)
    near = agreeing(spec, kept, asked)
    assert len(near) == 200
    assert (near[:, 1] == 1).all()
    low = RequestedValue("x", 0, 2, np.array([1, 0], np.float32), "low")
    assert (agreeing(spec, kept, low)[:, 2] < 0).all()


def test_pictures_of_one_name_but_for_the_suffix_are_all_made(
    drawn: Path, tmp_path: Path, evenodds: Call
) -> None:
    (tmp_path / "twice").mkdir()
    for suffix in ("png", "bmp"):
        sketch(0).convert("RGB").save(tmp_path / "twice" / f"a.{suffix}")
    answer = evenodds("sample", drawn, "--condition", tmp_path / "twice", "--out", tmp_path / "out")
    assert answer.code == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"a.png", "a.png.png"}


def test_values_with_commas_stay_whole() -> None:
    """By name nothing is cut at a comma."""
    codec = TableCodec.fit(
        pd.DataFrame({"kind": ["a", "b,w=1"] * 20, "w": ["0", "1"] * 20}), (), np.random.default_rng(0)
    )
    assert [one.value for one in requested_values(codec, {"kind": "b,w=1"})] == ["b,w=1"]


def test_a_colour_condition_beside_grey_fakes_is_shown_by_its_luma() -> None:
    green = np.zeros((1, 3, 2, 2), np.uint8)
    green[:, 1] = 255
    assert (as_pictures(green, 1) == 150).all()
