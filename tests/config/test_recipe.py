"""How a recipe's open choices are made, and which recipes are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from evenodds.config.budget import Budget
from evenodds.config.contradictions import refuse_settings_of_others
from evenodds.config.presets import BUDGETS, GENTLY, PRESETS, preset_of, resolve
from evenodds.config.settings import Recipe
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, SampleSpec, Span

PICTURE = PictureSpec(3, 32, 32)
ROW = RowSpec((Span(0, 1, "number"), Span(1, 4, "category")))
PAIRS = [
    ("gan", PICTURE),
    ("gan", ROW),
    ("dcgan", PICTURE),
    ("r3gan", PICTURE),
    ("style", PICTURE),
    ("fast", PICTURE),
    ("tabular", ROW),
    ("autoregressive", ROW),
]


def recipe(**rooms: dict[str, Any]) -> Recipe:
    return Recipe.model_validate(rooms)


def resolved(
    spec: SampleSpec = PICTURE, n_train: int = 5000, source: str = "photos", **rooms: dict[str, Any]
) -> Recipe:
    return resolve(recipe(**rooms), spec, n_train, source)


# Keys and values


@pytest.mark.parametrize(
    "facts",
    [
        {"colour": "red"},
        {"plan": {"sed": 1}},
        {"data": {"sizes": 32}},
        {"network": {"depth": 3}},
        {"objective": {"gamma": 1}},
        {"game": {"lr": 0.1}},
    ],
)
def test_an_unknown_key_fails(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Recipe.model_validate(facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"plan": {"seed": -1}},
        {"plan": {"seed": 2**31}},
        {"network": {"network": "vae"}},
        {"network": {"width": 3}},
        {"objective": {"loss": "mse"}},
        {"objective": {"penalty_weight": -1}},
        {"objective": {"penalty_every": 0}},
        {"game": {"batch": 1}},
        {"game": {"lr_d": 0}},
        {"game": {"beta2": 1}},
        {"game": {"ema_half_life": 0}},
    ],
)
def test_a_value_out_of_range_fails(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(facts)


def test_a_budget_that_cannot_be_read_is_the_users_error() -> None:
    with pytest.raises(UserError, match="'soon' is not a budget"):
        recipe(plan={"budget": "soon"})


def test_a_recipe_cannot_be_edited() -> None:
    made = recipe()
    with pytest.raises(ValidationError, match="frozen"):
        made.game = recipe().game  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        made.game.batch = 8  # type: ignore[misc]


def rows(numbers: int, *categories: int) -> RowSpec:
    """A table of so many numbers, and of categories with so many levels."""
    spans = [Span(place, place + 1, "number") for place in range(numbers)]
    for levels in categories:
        first = spans[-1].stop if spans else 0
        spans.append(Span(first, first + levels, "category"))
    return RowSpec(tuple(spans))


def played(spec: RowSpec, n_train: int, **rooms: dict[str, Any]) -> tuple[float, float, int]:
    """Penalty's weight, rate and batch of so many rows."""
    made = resolved(spec, n_train, **rooms)
    gentle = GENTLY if made.network.network == "autoregressive" else 1
    assert made.game.lr_g == pytest.approx(gentle * made.game.lr_d, rel=0.01)
    return made.objective.penalty_weight, made.game.lr_d, made.game.batch


def test_many_rows_with_categories_have_a_lighter_penalty_larger_batches_and_less_patience() -> None:
    mixed, numbers = resolved(ROW, 30_000), resolved(rows(2), 30_000)
    assert mixed.objective.penalty_weight == 0.02 < numbers.objective.penalty_weight == 0.1
    assert mixed.game.batch == 512 > numbers.game.batch == 256
    assert mixed.game.lr_d == mixed.game.lr_g == 2e-3 > numbers.game.lr_g == 1e-3
    assert mixed.game.d_steps == numbers.game.d_steps
    assert mixed.game.patience < numbers.game.patience
    gaps = RowSpec((Span(0, 2, "choice"), Span(2, 3, "number")))  # a number's own choice is no category
    assert resolved(gaps).model_dump() == resolved(RowSpec((Span(0, 1, "number"),))).model_dump()


def test_tables_of_numbers_with_many_rows_play_as_they_always_did() -> None:
    """`people` and the mixtures, whose benchmarks were measured with these settings."""
    for n_train in (9_000, 90_000):
        made = resolved(rows(2), n_train)
        assert played(rows(2), n_train) == (0.1, 1e-3, 256)
        assert made.objective.penalty_estimator == "difference"
        assert (made.game.d_steps, made.game.patience, made.game.ema_half_life) == (2, 20, 200_000)


@pytest.mark.parametrize("spec", [rows(4), rows(9, 2), rows(3, 3, 3), rows(0, 5, 2)])
def test_fewer_rows_have_a_heavier_penalty_and_smaller_batches(spec: RowSpec) -> None:
    counts = [100, 150, 400, 1_000, 3_000, 10_000, 30_000, 10**6]
    weights, rates, batches = zip(*(played(spec, count) for count in counts), strict=True)
    assert list(weights) == sorted(weights, reverse=True)
    assert weights[0] > 10 * weights[-1]
    assert list(batches) == sorted(batches)
    assert len(set(rates)) == 1
    assert played(spec, 40)[2] == 40


@pytest.mark.parametrize("n_train", [300, 3_000, 50_000])
def test_one_binary_column_among_many_numbers_changes_little(n_train: int) -> None:
    plain, one, half = (played(spec, n_train) for spec in (rows(24), rows(24, 2), rows(24, 24)))
    assert one == pytest.approx(plain, rel=0.3)
    assert plain[1] < one[1] < half[1] == 2e-3
    assert plain[0] >= one[0] >= half[0]
    assert played(rows(1, 500), n_train) == half  # from half of the places on, it is all the same


def test_a_penalty_that_few_rows_made_heavier_is_exact_unless_told() -> None:
    for spec, many in ((rows(2), 5_200), (rows(1, 4), 15_000)):
        assert resolved(spec, many).objective.penalty_estimator == "difference"
        assert resolved(spec, many // 2).objective.penalty_estimator == "exact"
        told = resolved(spec, many // 2, objective={"penalty_estimator": "difference"})
        assert told.objective.penalty_estimator == "difference"


def test_no_step_of_the_rule_is_large() -> None:
    """One more row, or one more place, moves nothing by more than a tenth."""
    for n_train in (64, 99, 100, 400, 531, 5_129, 5_130, 6_400, 14_999, 15_000, 25_600):
        assert played(rows(9, 2), n_train + 1) == pytest.approx(played(rows(9, 2), n_train), rel=0.1)
    for levels in range(3, 60):
        assert played(rows(40, levels + 1), 5_000) == pytest.approx(played(rows(40, levels), 5_000), rel=0.1)


def test_what_a_table_is_told_is_kept() -> None:
    told = played(
        ROW, 5_000, objective={"penalty_weight": 0.3}, game={"batch": 8, "lr_d": 1e-4, "lr_g": 1e-4}
    )
    assert told == (0.3, 1e-4, 8)


def test_the_penalty_of_dcgan_grows_with_the_pixels_of_large_pictures_unless_told() -> None:
    def weight(side: int, **told: float) -> float:
        return resolved(
            PictureSpec(3, side, side), network={"network": "dcgan"}, objective=told
        ).objective.penalty_weight

    assert weight(32) == weight(64)
    assert weight(128) == pytest.approx(16 * weight(64))
    assert weight(256) == pytest.approx(64 * weight(64))
    assert weight(256, penalty_weight=0.3) == 0.3


def test_dcgan_is_wider_for_tiny_pictures_unless_told() -> None:
    def width(side: int, **told: int) -> int:
        return resolved(PictureSpec(3, side, side), network={"network": "dcgan", **told}).network.width

    assert width(28) == width(64) == width(256)
    assert width(14) == width(16) == 2 * width(64)
    assert width(7) == width(8) == 8 * width(64)
    assert width(8, width=20) == 20


@pytest.mark.parametrize(("network", "spec"), PAIRS)
def test_a_resolved_recipe_comes_back_from_json(network: str, spec: SampleSpec) -> None:
    made = resolved(spec, network={"network": network}, data={"exclude": ["a", "b"]}, game={"lr_d": 1 / 3})
    text = made.model_dump_json()
    assert Recipe.model_validate_json(text) == made
    assert Recipe.model_validate(json.loads(text)) == made


# Choices


@pytest.mark.parametrize(
    ("spec", "network"),
    [
        (PICTURE, "dcgan"),
        (PictureSpec(1, 16, 16), "gan"),
        (PictureSpec(3, 16, 16), "dcgan"),
        (ROW, "tabular"),
    ],
)
def test_auto_takes_the_samples_own_network(spec: SampleSpec, network: str) -> None:
    assert resolved(spec).network.network == network


@pytest.mark.parametrize(("network", "spec"), PAIRS)
def test_the_preset_fills_what_the_user_left_open(network: str, spec: SampleSpec) -> None:
    made = resolved(spec, network={"network": network})
    preset = preset_of(made.network.network, spec, 5000)
    for room, values in zip((made.network, made.objective, made.game), preset, strict=True):
        assert {key: getattr(room, key) for key in values} == values


@pytest.mark.parametrize("network", PRESETS)
def test_every_preset_is_a_valid_setting(network: str) -> None:
    rooms = dict(zip(("network", "objective", "game"), PRESETS[network], strict=True))
    assert recipe(**rooms)


@pytest.mark.parametrize(
    ("scale", "width", "batch"),
    [("auto", 32, 32), ("tiny", 16, 32), ("small", 32, 32), ("base", 64, 64), ("large", 128, 128)],
)
def test_a_scale_sets_width_and_batch_together(scale: str, width: int, batch: int) -> None:
    made = resolved(PictureSpec(3, 64, 64), network={"scale": scale})
    assert (made.network.width, made.game.batch) == (width, batch)
    assert made.network.scale == ("small" if scale == "auto" else scale)


def test_a_width_and_a_batch_that_the_user_gave_stand_beside_a_scale() -> None:
    made = resolved(PictureSpec(3, 64, 64), network={"scale": "large", "width": 24}, game={"batch": 16})
    assert (made.network.width, made.game.batch) == (24, 16)


def test_a_scale_never_asks_for_larger_batches_than_there_are_pictures() -> None:
    asked = recipe(network={"scale": "large"})
    assert resolve(asked, PictureSpec(3, 64, 64), 90, "photos").game.batch == 90


def test_a_scale_of_a_table_is_refused() -> None:
    with pytest.raises(UserError, match=r"--scale base is for dcgan.*this is tabular: give --width"):
        resolved(ROW, network={"scale": "base"})


OWN: dict[str, dict[str, Any]] = {
    "plan": {"budget": "7m", "seed": 9, "check_every": 3},
    "data": {"size": 40, "fit": "pad", "channels": "gray", "exclude": ("name",)},
    "network": {"scale": "small", "width_d": 30, "width": 20, "latent": 11, "norm_d": "none"},
    "objective": {
        "loss": "hinge",
        "penalty": "r1",
        "penalty_weight": 0.7,
        "penalty_every": 2,
        "penalty_estimator": "exact",
    },
    "game": {
        "batch": 24,
        "likelihood": 0.2,
        "lr_d": 0.02,
        "lr_g": 0.03,
        "beta1": 0.4,
        "beta2": 0.5,
        "d_steps": 2,
        "patience": 7,
        "ema_half_life": 77,
        "augment": "off",
        "mirror": "off",
    },
}


@pytest.mark.parametrize(("network", "spec"), PAIRS)
@pytest.mark.parametrize("n_train", [100, 5000])
def test_whatever_the_user_says_wins(network: str, spec: SampleSpec, n_train: int) -> None:
    rooms = {**OWN, "network": {**OWN["network"], "network": network}}
    made = recipe(**rooms)
    assert resolve(made, spec, n_train, "photos").model_dump() == made.model_dump()


@pytest.mark.parametrize(("network", "spec"), PAIRS)
@pytest.mark.parametrize("room", ["network", "objective", "game"])
def test_the_users_value_wins_even_where_it_is_the_default(network: str, spec: SampleSpec, room: str) -> None:
    defaults = getattr(recipe(), room).model_dump()
    asked = {key: defaults[key] for key in getattr(PRESETS[network], room)}
    rooms = {room: asked}
    rooms["network"] = {"network": network, **rooms.get("network", {})}
    made = getattr(resolve(recipe(**rooms), spec, 5000, "photos"), room)
    assert {key: getattr(made, key) for key in asked} == asked


@pytest.mark.parametrize(
    ("source", "spec", "budget"),
    [
        ("people", ROW, BUDGETS["people"]),
        ("digits", PICTURE, BUDGETS["digits"]),
        ("sales.csv", ROW, BUDGETS["table"]),
        ("photos", PICTURE, BUDGETS["pictures"]),
        ("faces", PICTURE, BUDGETS["pictures"]),
    ],
)
def test_the_budget_goes_by_the_source(source: str, spec: SampleSpec, budget: str) -> None:
    made = resolved(spec, source=source)
    assert made.plan.budget == budget
    assert Budget.parse(budget).unit == "seconds"


def test_larger_pictures_are_checked_after_fewer_rounds() -> None:
    rounds = [resolved(PictureSpec(3, size, size)).plan.check_every for size in (8, 16, 64, 1024)]
    assert rounds == sorted(rounds, reverse=True)
    assert rounds[0] > rounds[-1] >= 1


@pytest.mark.parametrize(("spec", "augment"), [(PICTURE, "auto"), (ROW, "off")])
def test_pictures_are_augmented_as_the_game_calls_for_and_rows_never(spec: SampleSpec, augment: str) -> None:
    assert resolved(spec).game.augment == augment


@pytest.mark.parametrize(("spec", "mirror"), [(PICTURE, "auto"), (ROW, "off")])
def test_pictures_are_asked_whether_to_be_mirrored_and_rows_never_are(spec: SampleSpec, mirror: str) -> None:
    assert resolved(spec).game.mirror == mirror


@pytest.mark.parametrize("n_train", [100, 10_000])
@pytest.mark.parametrize("augment", ["on", "off"])
def test_the_user_may_augment_or_not(n_train: int, augment: str) -> None:
    assert resolved(PICTURE, n_train, game={"augment": augment}).game.augment == augment


def test_batch_norm_in_d_leaves_the_presets_penalty_out() -> None:
    made = resolved(network={"network": "dcgan", "norm_d": "batch"})
    assert made.objective.penalty == "none"


@pytest.mark.parametrize(("network", "spec"), [pair for pair in PAIRS if pair[0] != "dcgan"])
def test_batch_norm_is_refused_where_the_network_has_none(network: str, spec: SampleSpec) -> None:
    with pytest.raises(UserError, match=r"--norm-d batch .* dcgan"):
        resolved(spec, network={"network": network, "norm_d": "batch"})


ROOMS: list[dict[str, dict[str, Any]]] = [
    {},
    OWN,
    {"network": {"norm_d": "none"}},
    {"objective": {"loss": "wasserstein", "penalty": "interpolated"}},
    {"objective": {"penalty": "none"}},
    {"plan": {"check_every": 0, "budget": "auto"}},
]


@pytest.mark.parametrize(("network", "spec"), [("auto", PICTURE), ("auto", ROW), *PAIRS])
@pytest.mark.parametrize("rooms", ROOMS)
@pytest.mark.parametrize("n_train", [300, 5000])
def test_a_resolved_recipe_has_no_open_choice_left(
    network: str, spec: SampleSpec, rooms: dict[str, dict[str, Any]], n_train: int
) -> None:
    """Nor has one that was read back from its file, where every key is set."""
    rooms = {**rooms, "network": {**rooms.get("network", {}), "network": network}}
    once = resolve(recipe(**rooms), spec, n_train, "photos")
    read_back = Recipe.model_validate_json(once.model_dump_json())
    for made in (once, read_back):
        assert resolve(made, spec, n_train, "photos") == once
    assert "auto" not in {once.network.network, once.plan.budget}
    # For pictures it is no open choice: the game itself decides, check by check.
    assert once.game.augment != "auto" or isinstance(spec, PictureSpec)
    assert once.plan.check_every > 0


def test_a_resolved_batch_norm_recipe_stays_as_it_is() -> None:
    once = resolved(network={"norm_d": "batch"})
    assert resolve(once, PICTURE, 5000, "photos") == once


def test_resolving_leaves_the_recipe_it_was_given_alone() -> None:
    made = recipe(network={"width": 20})
    before = made.model_dump_json()
    resolve(made, PICTURE, 5000, "photos")
    assert made.model_dump_json() == before


def test_a_preset_batch_never_exceeds_the_data() -> None:
    assert resolved(n_train=7).game.batch == 7


# Contradictions


@pytest.mark.parametrize("penalty", ["r1", "r1r2", "interpolated"])
def test_a_penalty_with_batch_norm_is_refused(penalty: str) -> None:
    with pytest.raises(UserError, match=rf"--penalty {penalty} with --norm-d batch is wrong"):
        resolved(network={"norm_d": "batch"}, objective={"penalty": penalty})


@pytest.mark.parametrize(
    "objective",
    [{"penalty": "none"}, {"penalty_weight": 0.0}, {"penalty": "interpolated", "penalty_weight": 0}],
)
def test_a_wasserstein_d_without_a_penalty_is_refused(objective: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="--loss wasserstein needs a penalty"):
        resolved(objective={"loss": "wasserstein", **objective})


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(UserError, match="--batch 33 is more than the 32 training samples"):
        resolved(n_train=32, game={"batch": 33})
    assert resolved(n_train=32, game={"batch": 32}).game.batch == 32


def test_augmenting_a_table_is_refused() -> None:
    with pytest.raises(UserError, match="--augment on is for pictures only"):
        resolved(ROW, game={"augment": "on"})


@pytest.mark.parametrize(
    ("spec", "choices", "flag"),
    [
        (ROW, {"size": 20}, "--size is for pictures only"),
        (ROW, {"range": "1000:1470"}, "--range is for pictures only"),
        (ROW, {"fit": "pad"}, "--fit is for pictures only"),
        (PICTURE, {"key": ("id",)}, "--key is for tables only"),
        (PICTURE, {"header": False}, "--no-header is for tables only"),
    ],
)
def test_a_setting_that_the_data_cannot_heed_is_refused(
    spec: SampleSpec, choices: dict[str, Any], flag: str
) -> None:
    with pytest.raises(UserError, match=flag):
        refuse_settings_of_others(recipe(data=choices), spec)
    other = PICTURE if spec is ROW else ROW
    refuse_settings_of_others(recipe(data=choices), other)


def test_mirroring_a_table_or_pictures_made_from_a_picture_is_refused() -> None:
    with pytest.raises(UserError, match="--mirror on is for pictures only"):
        resolved(ROW, game={"mirror": "on"})
    outlines = Condition("outlines", PictureSpec(1, PICTURE.height, PICTURE.width))
    with pytest.raises(UserError, match="--mirror on is not for pictures made from a picture"):
        resolve(recipe(game={"mirror": "on"}), PICTURE, 5000, "photos", outlines)
    for asked in ("auto", "off"):
        made = resolve(recipe(game={"mirror": asked}), PICTURE, 5000, "photos", outlines)
        assert made.game.mirror == "off"


@pytest.mark.parametrize(
    ("network", "layers", "said"),
    [
        (
            "dcgan",
            {"layers": 4},
            r"--layers 4 is for dense networks \(tabular, gan\), and this is dcgan: leave it out",
        ),
        ("r3gan", {"padding": "reflect"}, r"--padding reflect is for resunet alone"),
        ("r3gan", {"layers_d": 2}, r"--layers-d 2 is for dense networks .* and this is r3gan"),
        ("autoregressive", {"layers": 2}, r"--layers 2 is for dense networks .* and this is autoregressive"),
    ],
)
def test_layers_of_a_network_that_has_none_to_choose_are_refused(
    network: str, layers: dict[str, int], said: str
) -> None:
    spec = ROW if network == "autoregressive" else PictureSpec(3, 32, 32)
    with pytest.raises(UserError, match=said):
        resolved(spec, network={"network": network, **layers})
