"""`evenodds steer apply`, `turn`, `mix` and `walk`: from one place in latent space to another."""

from __future__ import annotations

from pathlib import Path

from evenodds.cli.options import Device, RunFolder
from evenodds.cli.steer_latents import SEEDS, Picture, Seeds, moving, steering_of
from evenodds.core.errors import UserError


def apply(
    run: RunFolder,
    name: str,
    *,
    seeds: Seeds = SEEDS,
    picture: Picture = None,
    reach: float | None = None,
    steps: int = 7,
    alone: bool = False,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Move fakes, or a picture of your own, along a direction: a strip for each, from less to more.

    Where the feature can be read, each is moved on to where everything else is as it was.

    Parameters
    ----------
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
    out:
        A .png sheet for pictures, a .csv or .parquet file for tables; when left out, NAME.png or NAME.csv.
    """
    from evenodds.steer.write import show

    steering = steering_of(run, device)
    if steps < 2:
        raise UserError(f"--steps {steps} makes no strip, give 2 or more")
    steering, z = moving(steering, seeds, picture)
    strips = steering.apply(name, z, reach, steps, settled=not alone)
    path = show(steering.run, strips.flatten(0, 1), steps, out, name)
    print(f"{len(z)} strip{'s' if len(z) > 1 else ''} in {path}")


def turn(
    run: RunFolder,
    *,
    feature: str = "facing",
    seeds: Seeds = SEEDS,
    picture: Picture = None,
    steps: int = 9,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Turn heads: strips from one end of a feature to the other, as in figure 8 of the DCGAN paper.

    Parameters
    ----------
    feature:
        What is gone through from end to end.
    seeds:
        Which fakes.
    picture:
        A picture file, or a folder of them, in their place.
    steps:
        Fakes of a strip.
    out:
        A .png sheet for pictures, a .csv or .parquet file for tables; when left out, turn.png or turn.csv.
    """
    from evenodds.steer.write import show

    steering = steering_of(run, device)
    steering, z = moving(steering, seeds, picture)
    strips = steering.turn(z, feature, steps)
    print(f"from end to end in {show(steering.run, strips.flatten(0, 1), steps, out, 'turn')}")


def mix(
    run: RunFolder,
    text: str,
    *,
    seed: int = 0,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Add and subtract features, such as "glasses short - no glasses short + no glasses long".

    Parameters
    ----------
    text:
        The sum; each word is a feature, and each term the mean of three fakes that show its words.
    seed:
        Which fakes stand for the words.
    out:
        A .png sheet (pictures) of the exemplars, their mean, and nine small variations of the answer, or a table file;
        when left out, mix.png or mix.csv.
    """
    from evenodds.steer.write import show

    steering = steering_of(run, device)
    made, columns = steering.sheet(*steering.mix(text, seed=seed))
    print(f"the sum is in {show(steering.run, made, columns, out, 'mix')}")


def walk(
    run: RunFolder,
    *,
    seeds: Seeds = SEEDS,
    along: str | None = None,
    steps: int = 60,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Walk smoothly from seed to seed, or along a direction.

    Parameters
    ----------
    seeds:
        Which fakes to pass.
    along:
        A direction, to be walked there and back from the first seed instead.
    steps:
        Fakes on the way.
    out:
        A .gif or .mp4 (with evenodds[video]) for pictures, a table file for rows; when left out, walk.gif or walk.csv.
    """
    from evenodds.steer.write import show_walk

    steering = steering_of(run, device)
    z = steering.latents(seeds)
    way = steering.make(steering.walk(z, steps) if along is None else steering.stroll(along, z[0], steps))
    print(f"a walk of {len(way)} steps is in {show_walk(steering.run, way, out)}")
