"""What is seen of samples that were steered, and which directions a run has."""

from __future__ import annotations

import re
from html import escape
from typing import Any, NamedTuple

import numpy as np
import torch

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import on_checkerboard
from evenodds.data.images.arrays import grid_image, to_visible
from evenodds.data.tables.codec import TableCodec
from evenodds.runs.film import number_ranges
from evenodds.steer.directions import Direction, load
from evenodds.steer.editor import LatentEditor
from evenodds.studio import markup, play_view, plots
from evenodds.studio.i18n import Words
from evenodds.studio.state import Studio

THUMBS = 24
MEASURED = 1.0
"""The strength, in steps, at which the effect of a direction was measured."""
CHANGED, NOTED = 4, 0.05
"""Features that were gained, at most so many, by at least this share."""
SIDE = 128
"""Pixels that a picture's side is shown with, about."""


class OwnPicture(NamedTuple):
    """Somebody's own picture: the latent that was found for it in a run, and its ``pixels``, uint8 (H, W, C) as bytes,
    where a G tuned to it is to make it."""

    run: str
    latent: list[float]
    pixels: bytes


def steering(studio: Studio, name: str) -> LatentEditor:
    """The latent space of a run. Raises UserError where it has none."""
    return studio.cache.steer(studio.run(name))


def numbers(text: str) -> list[int]:
    """Seeds in a text. Raises UserError for what is none."""
    parts = re.split(r"[\s,]+", text.strip())
    if not all(re.fullmatch(r"\d{1,9}", part) for part in parts if part):
        raise UserError(f"{text[:80]!r} are no seeds, give whole numbers with spaces between")
    return [int(part) for part in parts if part]


def sentence(say: Words, direction: Direction) -> str:
    """What is known of a direction: of plain steps, which sliders take, and up to the one step that was measured."""
    effect = direction.effect.get("alone", direction.effect)
    if "flipped" not in effect:
        return say("direction seen", name=direction.name)
    unchanged = ", ".join(f"{column} {share:.0%}" for column, share in effect["kept"].items())
    text = say("direction flips", name=direction.name, share=effect["flipped"])
    return text + (say("direction keeps", unchanged=unchanged) if unchanged else "")


def beyond(say: Words, amounts: dict[str, float]) -> str:
    """What is to be said of directions that are gone along farther than their effect was measured; nothing where none
    is."""
    far = [name for name, amount in amounts.items() if abs(amount) > MEASURED]
    return say("beyond measured", names=", ".join(far)) if far else ""


def unmeasured(say: Words, amounts: dict[str, float]) -> str:
    """The same as a remark below sliders."""
    text = beyond(say, amounts)
    return markup.note(text) if text else ""


def moved(
    studio: Studio,
    say: Words,
    name: str,
    seeds: list[int],
    amounts: dict[str, float],
    own_picture: OwnPicture | None = None,
) -> str:
    """Fakes of seeds as they are, and moved along directions by amounts in steps; a person's own picture first."""
    if not seeds:
        raise UserError(say("no seeds"))
    steer = steering(studio, name)
    with studio.cache.lock:
        z = steer.latents(seeds)
        way = torch.zeros(z.shape[1])
        for one, amount in amounts.items():
            if amount:
                direction = load(steer.run, one)
                way = way + amount * direction.step * direction.vector
        ends = [steer.generate(z), steer.generate(z + way)]
        if own_picture is not None and own_picture.run == name:
            start = torch.tensor([own_picture.latent])
            maker = (
                studio.cache.tuned(steer.run, start[0], own_picture.pixels) if own_picture.pixels else steer
            )
            ends = [
                torch.cat([maker.generate(at), end])
                for at, end in zip((start, start + way), ends, strict=True)
            ]
        made = torch.cat(ends)
    if isinstance(steer.run.spec, PictureSpec):
        note = markup.note(say("before and after")) + unmeasured(say, amounts) + changes(say, steer, *ends)
        return note + sheet(say, steer, made, len(ends[0]))
    codec = TableCodec.from_json(steer.run.codec())
    rows = codec.to_table(made.numpy(), np.random.default_rng(0))
    before, after = rows[: len(z)], rows[len(z) :]
    axes = dict(list(number_ranges(codec).items())[:2])
    seen = ""
    if len(axes) == 2:
        seen = plots.cloud(
            say,
            axes,
            studio.cache.real_samples(steer.run),
            after,
            before,
            None,
            people=play_view.is_people(steer.run),
        )
    seen = unmeasured(say, amounts) + seen + f"<h3>{say('before')}</h3>{play_view.shown(say, before)}"
    return f"{seen}<h3>{say('after')}</h3>{play_view.shown(say, after)}"


def sheet(say: Words, steer: LatentEditor, made: Any, columns: int) -> str:
    """Samples (n, *shape) as a sheet of pictures or as rows."""
    if not isinstance(steer.run.spec, PictureSpec):
        codec = TableCodec.from_json(steer.run.codec())
        return play_view.shown(say, codec.to_table(made.numpy(), np.random.default_rng(0)))
    times = max(1, SIDE // max(made.shape[-2:]))
    return markup.image(
        plots.inline(grid_image(to_visible(made, steer.picture_spec().bands), columns, times)),
        say("alt fakes"),
    )


def each(say: Words, steer: LatentEditor, made: Any, captions: tuple[str, ...]) -> str:
    """Samples (n, *shape) side by side, each over its caption; of a table rows."""
    if not isinstance(steer.run.spec, PictureSpec):
        return sheet(say, steer, made, len(captions))
    parts = [
        markup.figure(markup.image(plots.inline(grid_image(one[None], 1)), caption, ""), caption)
        for one, caption in zip(to_visible(made, steer.picture_spec().bands), captions, strict=True)
    ]
    return f'<div class="eo-sum">{"".join(parts)}</div>' + readings(say, steer, made, captions)


def readings(say: Words, steer: LatentEditor, made: Any, captions: tuple[str, ...]) -> str:
    """What the label readers say of samples (n, *shape), a row a feature; nothing where none were trained yet."""
    reader = steer.models.attributes_at_hand
    if reader is None:
        return ""
    shares = reader.read(made)
    rows = [
        [feature.name, *(plots.figure(share) for share in column)]
        for feature, column in zip(reader.features, shares.T, strict=True)
    ]
    return f"<h3>{say('label readers')}</h3>" + markup.table(
        say("label readers"), ["", *captions], rows, headed=True
    )


def changes(say: Words, steer: LatentEditor, before: Any, after: Any) -> str:
    """The features that, by the label readers, most of the moved samples gained, on average; nothing where none did, or
    where no readers were trained yet."""
    reader = steer.models.attributes_at_hand
    if reader is None:
        return ""
    start, end = (reader.read(samples).mean(0) for samples in (before, after))
    gained = [index for index in np.argsort(start - end)[:CHANGED] if end[index] - start[index] >= NOTED]
    texts = (
        f"{reader.features[index].name} {plots.figure(start[index])} → {plots.figure(end[index])}"
        for index in gained
    )
    return (
        f'<p class="eo-said">{escape(say("label readers"))}: {escape(", ".join(texts))}</p>' if gained else ""
    )


def thumbnails(studio: Studio, steer: LatentEditor) -> list[Any]:
    """The fakes of the first seeds with their numbers, none of a table."""
    if not isinstance(steer.run.spec, PictureSpec):
        return []
    with studio.cache.lock:
        made = to_visible(steer.generate(steer.latents(range(THUMBS))), steer.run.spec.bands)
    times = max(1, SIDE // max(made.shape[1:3]))
    # A gallery has no ground of its own on which transparency is seen.
    seen = (on_checkerboard(grid_image(one[None], 1, times)) for one in made)
    return [(image, str(index)) for index, image in enumerate(seen)]
