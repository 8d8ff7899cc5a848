"""`evenodds steer find`, `seeds` and `invert`: find directions, examples and latents."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from evenodds.cli.options import Device, RunFolder, default_text
from evenodds.cli.remarks import say
from evenodds.cli.steer_latents import examples, steering_of
from evenodds.core.errors import UserError

Examples = Annotated[
    tuple[str, ...], Parameter(consume_multiple=True, negative="", show_default=default_text)
]


def find(
    run: RunFolder,
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
    """Find the direction of an attribute, measure its effect, and store it in the run.

    The direction comes from labels (pictures), from columns (tables), or from examples with and without the attribute:
    if one label separates the examples, that label is used. --by features and --by weights need no name: they give the
    directions along which fakes vary most, to be inspected with `steer apply`.

    Parameters
    ----------
    name:
        Name of the direction: a feature such as glasses=yes or income, or a name of your own.
    feature:
        The feature to move, if it differs from the name.
    with_:
        Examples with the attribute: seeds (`steer seeds` shows them) or picture files.
    without:
        Examples without it: seeds or picture files.
    by:
        Where the direction comes from.
    count:
        Number of directions to find with --by features or --by weights.
    json:
        Print one JSON list of the directions found.
    """
    steering = steering_of(run, device)
    if by != "labels":
        directions = steering.discover(count, by)
    elif name is None:
        raise UserError("find what? Give a name such as glasses=yes, or --by features or --by weights")
    elif with_ or without:
        directions = [
            steering.find_by_examples(name, *(examples(steering, side) for side in (with_, without)))
        ]
    else:
        directions = [steering.find(name, feature)]
    results = [
        {"name": one.name, "found_by": one.found_by, "feature": one.feature, "step": one.step, **one.effect}
        for one in directions
    ]
    if json:
        print(jsonlib.dumps(results))
    for one in [] if json else results:
        print(sentence(one))


def seeds(
    run: RunFolder,
    *,
    start: int = 0,
    count: int = 100,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Show the fakes of consecutive seeds, ten a row, to choose examples for `steer find`.

    Parameters
    ----------
    start:
        The first seed, 0 or more.
    count:
        Number of seeds, 1 or more.
    out:
        A .png sheet for pictures, a .csv or .parquet file for tables; by default seeds.png or seeds.csv.
    """
    from evenodds.steer.write import write_samples

    if count < 1 or start < 0:
        raise UserError(f"--start {start} --count {count} are no seeds, give 0 or more and 1 or more")
    steering = steering_of(run, device)
    made = steering.generate(steering.latents(range(start, start + count)))
    print(
        f"seeds {start} to {start + count - 1}, ten a row, in {write_samples(steering.run, made, 10, out, 'seeds')}"
    )


def invert(
    run: RunFolder,
    picture: str,
    *,
    out: Path | None = None,
    json: bool = False,
    device: Device = "auto",
) -> None:
    """Find the latent whose fake is nearest to your own picture, and report the error.

    The error is the root mean square over pixels: of the generator as trained, and of a copy tuned to the picture,
    which edits of your own pictures use.

    Parameters
    ----------
    picture:
        A picture file, or a folder or zip of them.
    out:
        A .png sheet: each picture, its nearest fake, and that of the tuned generator; by default inverted.png.
    json:
        Print one JSON list of objects with input, error and tuned (the error after tuning).
    """
    from evenodds.steer.write import write_inverted

    steering = steering_of(run, device)
    names, pictures = steering.pictures(picture, say)
    z, error = steering.invert(pictures)
    tuned = steering.tuned(z, pictures)
    path = write_inverted(steering.run, pictures, [steering.generate(z), tuned.generate(z)], out)
    results = [
        {"input": name, "error": round(float(far), 4), "tuned": round(float(near), 4)}
        for name, far, near in zip(names, error, tuned.reconstruction_error(z, pictures), strict=True)
    ]
    if json:
        print(jsonlib.dumps(results))
        return
    for one in results:
        print(
            f"{one['input']}: pixels off by {one['error']:.1%}, tuned {one['tuned']:.1%} (root mean square)"
        )
    print(f"side by side in {path}")


def sentence(direction: dict[str, Any]) -> str:
    """A direction and its effect on one line."""
    if "flipped" not in direction:
        return f"{direction['name']}: found by {direction['found_by']}; see it with evenodds steer apply"
    others = ", ".join(f"{column} {share:.0%}" for column, share in direction["kept"].items())
    still = f"; kept: {others}" if others else ""
    flips = f"a step of {direction['step']:g} flips it in {direction['flipped']:.0%} of {direction['seeds']} seeds"
    named = f" ({direction['feature']} parts the examples)" if direction["found_by"] == "examples" else ""
    return f"{direction['name']}{named}: {flips}{still}"
