"""`evenodds steer apply`, `turn`, `mix` and `walk`: move latents and generate what they become."""

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
    """Move fakes, or your own pictures, along a direction: one strip each, from less to more.

    Each step is then refined so that all other attributes keep their values, where the run can read attributes.

    Parameters
    ----------
    name:
        A direction that `steer find` has stored.
    seeds:
        Seeds of the fakes to move.
    picture:
        A picture file, or a folder of them, to move instead of seeds.
    reach:
        Distance to move either way, in latent units; by default the direction's own step, which flips its feature.
    steps:
        Samples in a strip, 2 or more.
    alone:
        Move along the direction only, without the refinement that keeps other attributes.
    out:
        A .png sheet for pictures, a .csv or .parquet file for tables; by default NAME.png or NAME.csv.
    """
    from evenodds.steer.write import write_samples

    steering = steering_of(run, device)
    if steps < 2:
        raise UserError(f"--steps {steps} makes no strip, give 2 or more")
    steering, z = moving(steering, seeds, picture)
    strips = steering.apply(name, z, reach, steps, refined=not alone)
    path = write_samples(steering.run, strips.flatten(0, 1), steps, out, name)
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
    """Move fakes from one end of a feature to the other, such as heads from left to right.

    Figure 8 of the DCGAN paper (1511.06434) does the same.

    Parameters
    ----------
    feature:
        The feature to go through from end to end.
    seeds:
        Seeds of the fakes to move.
    picture:
        A picture file, or a folder of them, to move instead of seeds.
    steps:
        Samples in a strip, 2 or more.
    out:
        A .png sheet for pictures, a .csv or .parquet file for tables; by default turn.png or turn.csv.
    """
    from evenodds.steer.write import write_samples

    steering = steering_of(run, device)
    steering, z = moving(steering, seeds, picture)
    strips = steering.turn(z, feature, steps)
    print(f"from end to end in {write_samples(steering.run, strips.flatten(0, 1), steps, out, 'turn')}")


def mix(
    run: RunFolder,
    text: str,
    *,
    seed: int = 0,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Add and subtract features: "glasses short - no glasses short + no glasses long".

    Parameters
    ----------
    text:
        The sum. Each word names a feature; each term is the mean latent of three fakes that show its words.
    seed:
        Seed for the choice of those fakes.
    out:
        A .png sheet for pictures (exemplars, their mean, nine small variations of the result), or a table file; by
        default mix.png or mix.csv.
    """
    from evenodds.steer.write import write_samples

    steering = steering_of(run, device)
    made, columns = steering.sheet(*steering.mix(text, seed=seed))
    print(f"the sum is in {write_samples(steering.run, made, columns, out, 'mix')}")


def walk(
    run: RunFolder,
    *,
    seeds: Seeds = SEEDS,
    along: str | None = None,
    steps: int = 60,
    loop: bool = False,
    ease: bool = False,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Interpolate from seed to seed, or move along a direction and back.

    Parameters
    ----------
    seeds:
        Seeds to pass through.
    along:
        A stored direction to follow there and back from the first seed, instead of the other seeds.
    steps:
        Samples on the way.
    loop:
        Go on to the first seed, so that a film repeats without a seam.
    ease:
        Slow down at each seed, and speed up between.
    out:
        A .gif, .webp (keeps alpha) or .mp4 (needs evenodds[video]) for pictures, a table file for rows; by default
        walk.gif or walk.csv.
    """
    from evenodds.steer.write import write_film

    if along is not None and (loop or ease):
        raise UserError("--along goes there and back, slowly at the ends: leave --loop and --ease out")
    steering = steering_of(run, device)
    z = steering.latents(seeds)
    z = (
        steering.walk(z, steps, loop=loop, ease=ease)
        if along is None
        else steering.stroll(along, z[0], steps)
    )
    way = steering.generate(z)
    print(f"a walk of {len(way)} steps is in {write_film(steering.run, way, out)}")
