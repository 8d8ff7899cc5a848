"""`evenodds steer`: find what a direction in latent space means, and use it."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from evenodds.cli.options import Device
from evenodds.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from evenodds.steer.steering import Steer

steer = App(
    name="steer",
    help="Find directions in a run's latent space: nudge a feature, add and subtract, walk, invert.",
)

Seeds = Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative="")]
SEEDS = (0, 1, 2, 3)
Examples = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")]
Picture = Annotated[str | None, Parameter(name="--picture")]


@steer.command
def find(
    run: Path,
    name: str | None = None,
    *,
    feature: str | None = None,
    with_: Examples = (),
    without: Examples = (),
    by: Literal["labels", "features", "weights"] = "labels",
    count: int = 10,
    json: bool = False,
    device: Device = "auto",
) -> None:
    """Find the direction of NAME and keep it in the run, with its measured effect.

    From labels (pictures) or columns (tables); from examples that show it and examples that do not, where a label that
    surely parts them is taken in their place; or without a name, those in which fakes' features or the generator's
    weights vary most, to be looked at with apply.

    Parameters
    ----------
    run:
        The folder that train left.
    name:
        What it is called: a feature such as glasses=yes or income, or a name of your own.
    feature:
        The feature it is to move, where that is not its name.
    with_:
        Seeds whose fakes show it (evenodds steer seeds shows them), or picture files.
    without:
        Seeds whose fakes do not, or picture files.
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
        found = [steering.find_by_examples(name, *(examples(steering, side) for side in (with_, without)))]
    else:
        found = [steering.find(name, feature)]
    told = [
        {"name": one.name, "found_by": one.found_by, "feature": one.feature, "step": one.step, **one.effect}
        for one in found
    ]
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
    picture: Picture = None,
    reach: float | None = None,
    steps: int = 7,
    alone: bool = False,
    to: Path | None = None,
    device: Device = "auto",
) -> None:
    """Move fakes, or a picture of your own, along a direction: a strip for each, from less to more.

    Where the feature can be read, each is moved on to where everything else is as it was.

    Parameters
    ----------
    run:
        The folder that train left.
    name:
        A direction that find has kept.
    seeds:
        Which fakes.
    picture:
        A picture file, or a folder of them, in their place.
    reach:
        How far either way; the direction's own step when left out.
    steps:
        Fakes of a strip.
    alone:
        Move by the direction alone.
    to:
        A .png sheet for pictures, a .csv or .parquet file for tables; when left out, NAME.png or NAME.csv.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show

    steering = steering_of(run, device)
    if steps < 2:
        raise UserError(f"--steps {steps} makes no strip, give 2 or more")
    steering, z = moving(steering, seeds, picture)
    strips = steering.apply(name, z, reach, steps, settled=not alone)
    place = show(steering.run, strips.flatten(0, 1), steps, to, name)
    print(f"{len(z)} strip{'s' if len(z) > 1 else ''} in {place}")


@steer.command
def turn(
    run: Path,
    *,
    feature: str = "facing",
    seeds: Seeds = SEEDS,
    picture: Picture = None,
    steps: int = 9,
    to: Path | None = None,
    device: Device = "auto",
) -> None:
    """Turn heads: strips from one end of a feature to the other, as in figure 8 of the DCGAN paper.

    Parameters
    ----------
    run:
        The folder that train left.
    feature:
        What is gone through from end to end.
    seeds:
        Which fakes.
    picture:
        A picture file, or a folder of them, in their place.
    steps:
        Fakes of a strip.
    to:
        A .png sheet for pictures, a .csv or .parquet file for tables; when left out, turn.png or turn.csv.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show

    steering = steering_of(run, device)
    steering, z = moving(steering, seeds, picture)
    strips = steering.turn(z, feature, steps)
    print(f"from end to end in {show(steering.run, strips.flatten(0, 1), steps, to, 'turn')}")


@steer.command
def invert(
    run: Path,
    picture: str,
    *,
    to: Path | None = None,
    json: bool = False,
    device: Device = "auto",
) -> None:
    """Find the nearest that the generator can make to a picture of your own, and say how far it is: as it is, and tuned
    to the picture, as edits of your own pictures use it.

    Parameters
    ----------
    run:
        The folder that train left.
    picture:
        A picture file, or a folder or zip of them.
    to:
        A .png sheet of each picture, what was found, and the same tuned; when left out, inverted.png.
    json:
        Print one JSON list of input, error and tuned, the error then.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show_inverted

    steering = steering_of(run, device)
    names, pictures = steering.pictures(picture, say)
    z, error = steering.invert(pictures)
    own = steering.tuned(z, pictures)
    place = show_inverted(pictures, [steering.make(z), own.make(z)], to)
    told = [
        {"input": name, "error": round(float(far), 4), "tuned": round(float(near), 4)}
        for name, far, near in zip(names, error, own.off(z, pictures), strict=True)
    ]
    if json:
        print(jsonlib.dumps(told))
        return
    for one in told:
        print(
            f"{one['input']}: pixels off by {one['error']:.1%}, tuned {one['tuned']:.1%} (root mean square)"
        )
    print(f"side by side in {place}")


@steer.command
def seeds(
    run: Path,
    *,
    start: int = 0,
    count: int = 100,
    to: Path | None = None,
    device: Device = "auto",
) -> None:
    """Show what seeds stand for, ten a row: examples to pick by eye for find.

    Parameters
    ----------
    run:
        The folder that train left.
    start:
        The first seed.
    count:
        How many.
    to:
        A .png sheet for pictures, a .csv or .parquet file for tables; when left out, seeds.png or seeds.csv.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show

    if count < 1 or start < 0:
        raise UserError(f"--start {start} --count {count} are no seeds, give 0 or more and 1 or more")
    steering = steering_of(run, device)
    made = steering.make(steering.latents(range(start, start + count)))
    print(f"seeds {start} to {start + count - 1}, ten a row, in {show(steering.run, made, 10, to, 'seeds')}")


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
    along: str | None = None,
    steps: int = 60,
    to: Path | None = None,
    device: Device = "auto",
) -> None:
    """Walk smoothly from seed to seed, or along a direction.

    Parameters
    ----------
    run:
        The folder that train left.
    seeds:
        Which fakes to pass.
    along:
        A direction, to be walked there and back from the first seed instead.
    steps:
        Fakes on the way.
    to:
        A .gif or .mp4 (with evenodds[video]) for pictures, a table file for rows; when left out, walk.gif or walk.csv.
    device:
        Where to compute; auto takes a GPU where there is one.
    """
    from evenodds.steer.showing import show_walk

    steering = steering_of(run, device)
    z = steering.latents(seeds)
    way = steering.make(steering.walk(z, steps) if along is None else steering.stroll(along, z[0], steps))
    print(f"a walk of {len(way)} steps is in {show_walk(steering.run, way, to)}")


def moving(steering: Steer, seeds: tuple[int, ...], picture: str | None) -> tuple[Steer, Tensor]:
    """The latents (n, latent) of seeds, or of a person's own pictures with a G tuned to them."""
    if picture is None:
        return steering, steering.latents(seeds)
    pictures = steering.pictures(picture, say)[1]
    z, error = steering.invert(pictures)
    own = steering.tuned(z, pictures)
    say(
        f"inverted, pixels off by {error.mean():.1%}, and by {own.off(z, pictures).mean():.1%} once G is tuned"
    )
    return own, z


def examples(steering: Steer, named: tuple[str, ...]) -> Tensor:
    """The latents (n, latent) of examples: seeds as numbers, and picture files."""
    import torch

    parts = [
        steering.latents([int(name)])
        if name.isdecimal()
        else steering.invert(steering.pictures(name, say)[1])[0]
        for name in named
    ]
    return torch.cat(parts) if parts else torch.empty(0, steering.width)


def say(text: str) -> None:
    """On stderr, so that stdout holds answers alone."""
    print(text, file=sys.stderr)


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
    named = f" ({found['feature']} parts the examples)" if found["found_by"] == "examples" else ""
    return f"{found['name']}{named}: {flips}{still}"
