"""`evenodds steer`: find what a direction in latent space means, and use it."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from evenodds.cli.options import Device
from evenodds.errors import UserError

if TYPE_CHECKING:
    from evenodds.steer.steering import Steer

steer = App(
    name="steer", help="Find directions in a run's latent space: nudge a feature, add and subtract, walk."
)

Seeds = Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative="")]
SEEDS = (0, 1, 2, 3)


@steer.command
def find(
    run: Path,
    name: str | None = None,
    *,
    feature: str | None = None,
    with_: Seeds = (),
    without: Seeds = (),
    by: Literal["labels", "features", "weights"] = "labels",
    count: int = 10,
    json: bool = False,
    device: Device = "auto",
) -> None:
    """Find the direction of NAME and keep it in the run, with its measured effect.

    From labels (pictures) or columns (tables); from seeds that show it and seeds that do not; or without a name, those
    in which fakes' features or the generator's weights vary most, to be looked at with apply.

    Parameters
    ----------
    run:
        The folder that train left.
    name:
        What it is called: a feature such as glasses=yes or income, or a name of your own.
    feature:
        The feature it is to move, where that is not its name.
    with_:
        Seeds whose fakes show it.
    without:
        Seeds whose fakes do not.
    by:
        What to go by; features and weights need no name.
    count:
        How many directions features or weights are to give.
    json:
        Print one JSON list of what was found.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    steering = steering_of(run, device)
    if by != "labels":
        found = steering.discover(count, by)
    elif name is None:
        raise UserError("find what? Give a name such as glasses=yes, or --by features or --by weights")
    elif with_ or without:
        found = [steering.find_by_examples(name, with_, without)]
    else:
        found = [steering.find(name, feature)]
    told = [{"name": one.name, "found_by": one.found_by, "step": one.step, **one.effect} for one in found]
    if json:
        print(jsonlib.dumps(told))
    for one in [] if json else told:
        print(sentence(one))


@steer.command
def apply(
    run: Path,
    name: str,
    *,
    seeds: Seeds = SEEDS,
    reach: float | None = None,
    steps: int = 7,
    to: Path | None = None,
    device: Device = "auto",
) -> None:
    """Move fakes along a direction: a strip for each seed, from less to more.

    Parameters
    ----------
    run:
        The folder that train left.
    name:
        A direction that find has kept.
    seeds:
        Which fakes.
    reach:
        How far either way; the direction's own step when left out.
    steps:
        Fakes of a strip.
    to:
        A .png sheet for pictures, a .csv or .parquet file for tables; when left out, NAME.png or NAME.csv.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show

    steering = steering_of(run, device)
    strips = steering.apply(name, steering.latents(seeds), reach, steps)
    print(f"{len(seeds)} strips in {show(steering.run, strips.flatten(0, 1), steps, to, name)}")


@steer.command
def mix(
    run: Path,
    text: str,
    *,
    seed: int = 0,
    to: Path | None = None,
    device: Device = "auto",
) -> None:
    """Add and subtract features, such as "glasses short - no glasses short + no glasses long".

    Parameters
    ----------
    run:
        The folder that train left.
    text:
        The sum; each word is a feature, and each term the mean of three fakes that show its words.
    seed:
        Which fakes stand for the words.
    to:
        A .png sheet (pictures) of the exemplars, their mean, and nine small variations of the answer, or a table file;
        when left out, mix.png or mix.csv.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show

    steering = steering_of(run, device)
    made, columns = steering.sheet(*steering.mix(text, seed=seed))
    print(f"the sum is in {show(steering.run, made, columns, to, 'mix')}")


@steer.command
def walk(
    run: Path,
    *,
    seeds: Seeds = SEEDS,
    steps: int = 60,
    to: Path | None = None,
    device: Device = "auto",
) -> None:
    """Walk smoothly from seed to seed.

    Parameters
    ----------
    run:
        The folder that train left.
    seeds:
        Which fakes to pass.
    steps:
        Fakes on the way.
    to:
        A .gif for pictures, a table file for rows; when left out, walk.gif or walk.csv.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show_walk

    steering = steering_of(run, device)
    way = steering.make(steering.walk(steering.latents(seeds), steps))
    print(f"a walk of {len(way)} steps is in {show_walk(steering.run, way, to)}")


def steering_of(run: Path, device: Device) -> Steer:
    """The latent space of a run. torch is imported here and not above."""
    from evenodds.device import find_device
    from evenodds.run import Run
    from evenodds.steer.steering import Steer

    return Steer(Run.open(run), find_device(device))


def sentence(found: dict[str, Any]) -> str:
    """A direction and its effect on one line."""
    if "flipped" not in found:
        return f"{found['name']}: found by {found['found_by']}; see it with evenodds steer apply"
    kept = ", ".join(f"{column} {share:.0%}" for column, share in found["kept"].items())
    still = f"; kept: {kept}" if kept else ""
    flips = f"a step of {found['step']:g} flips it in {found['flipped']:.0%} of {found['seeds']} seeds"
    return f"{found['name']}: {flips}{still}"
