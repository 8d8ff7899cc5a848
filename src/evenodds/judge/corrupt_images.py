"""Corrupted images: extra negatives when training the judge, made without knowledge of what the images show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from evenodds.data.images.alpha import bounded

Bytes = NDArray[np.uint8]
Picture = NDArray[np.float32]
"""One picture (C, H, W) from 0 to 255."""
Corruption = Callable[[Picture, Picture, np.random.Generator], Picture]
"""A picture and another one, neither of which is changed, to a corrupted picture of the same shape."""

VISIBLE = 4.0
"""Mean change in levels of 255 below which a picture counts as unchanged."""
TRIES = 4


def corrupt_images(pictures: Bytes, n: int, rng: np.random.Generator, alpha: bool = False) -> Bytes:
    """Make n corrupted pictures (n, C, H, W), uint8, from ``pictures`` (m, C, H, W), with each of CORRUPTIONS as often;
    ``alpha`` says that their last channel is that.

    A picture that a corruption hardly changes (a rotated ring is a ring) gets another one.
    """
    ways = list(CORRUPTIONS.values())
    out = np.empty((n, *pictures.shape[1:]), np.uint8)
    for index in range(n):
        first, second = pictures[rng.integers(len(pictures), size=2)].astype(np.float32)
        way = ways[index % len(ways)]
        for _ in range(TRIES):
            made = np.rint(np.clip(way(first, second, rng), 0, 255))
            if min(np.abs(made - first).mean(), np.abs(made - second).mean()) >= VISIBLE:
                break
            way = ways[rng.integers(len(ways))]
        out[index] = made
    if alpha:  # colors beyond it, which no picture has, would give them away
        out = np.ascontiguousarray(bounded(out.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2))
    return out


def shuffle_patches(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Cut into 2 x 2 to 4 x 4 patches, which change places."""
    parts = int(rng.integers(2, 5))
    _, height, width = picture.shape
    h, w = height // parts, width // parts
    order = rng.permutation(parts * parts)
    if (order == np.arange(len(order))).all():
        order = order[::-1]
    out = picture.copy()
    for to, source in enumerate(order):
        (y, x), (v, u) = divmod(to, parts), divmod(int(source), parts)
        out[:, y * h : (y + 1) * h, x * w : (x + 1) * w] = picture[
            :, v * h : (v + 1) * h, u * w : (u + 1) * w
        ]
    return out


def noisy(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Noise added, from a fifth of the levels to nothing but noise."""
    spread = 255 * rng.uniform(0.15, 0.6)
    return picture + rng.normal(0, spread, picture.shape).astype(np.float32)


def pure_noise(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Even noise a pixel, grey or coloured."""
    shape = picture.shape if rng.random() < 0.5 else (1, *picture.shape[1:])
    return np.broadcast_to(rng.uniform(0, 255, shape), picture.shape).astype(np.float32)


def blurred(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Smoothed over 1/16 to 1/6 of the shorter side."""
    sigma = min(picture.shape[1:]) * rng.uniform(0.06, 0.16)
    return np.asarray(ndimage.gaussian_filter(picture, (0, sigma, sigma)), np.float32)


def pieces(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """One picture on this side of a line through the middle, another beyond it."""
    _, height, width = picture.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    return np.where(x * np.cos(angle) + y * np.sin(angle) > rng.uniform(-0.2, 0.2), picture, other)


def mixed(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Two pictures laid over each other."""
    share = np.float32(rng.uniform(0.35, 0.65))
    return share * picture + (1 - share) * other


def painted_over(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """A rectangle of a quarter to a half of each side holds one colour of the picture, or a piece from elsewhere."""
    _, height, width = picture.shape
    h, w = (max(1, int(length * rng.uniform(0.3, 0.6))) for length in (height, width))
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    out = picture.copy()
    if rng.random() < 0.5:
        out[:, y : y + h, x : x + w] = _color(picture, rng)[:, None, None]
    else:
        v, u = rng.integers(height - h + 1), rng.integers(width - w + 1)
        out[:, y : y + h, x : x + w] = other[:, v : v + h, u : u + w]
    return out


def upside_down(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Top and bottom exchanged, or turned by 180 degrees."""
    return picture[:, ::-1] if rng.random() < 0.5 else picture[:, ::-1, ::-1]


def turned(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Turned by 30 to 150 degrees, either way."""
    angle = rng.uniform(30, 150) * rng.choice([-1, 1])
    return np.asarray(ndimage.rotate(picture, angle, (1, 2), False, order=1, mode="nearest"), np.float32)


def inverted(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Its negative."""
    return 255 - picture


def scaled(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Shrunk to about a half or enlarged to about twice, about the middle."""
    factor = rng.uniform(1.6, 2.4) if rng.random() < 0.5 else rng.uniform(0.4, 0.65)
    middle = (np.array(picture.shape[1:]) - 1) / 2
    return _warped(picture, np.eye(2) * factor, middle - factor * middle)


def sheared(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Slanted or squeezed along one axis."""
    matrix = np.eye(2)
    if rng.random() < 0.5:
        matrix[tuple(rng.permutation(2))] = rng.uniform(0.6, 1.2) * rng.choice([-1, 1])
    else:
        index = rng.integers(2)
        matrix[index, index] = rng.choice([rng.uniform(0.4, 0.6), rng.uniform(1.7, 2.5)])
    middle = (np.array(picture.shape[1:]) - 1) / 2
    return _warped(picture, matrix, middle - matrix @ middle)


def shifted(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Moved round the edge by a quarter to three quarters of the side."""
    _, height, width = picture.shape
    steps = (int(height * rng.uniform(0.25, 0.75)), int(width * rng.uniform(0.25, 0.75)))
    fixed_axis = rng.integers(3)
    return np.roll(picture, (0 if fixed_axis == 0 else steps[0], 0 if fixed_axis == 1 else steps[1]), (1, 2))


def faded(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """With much less contrast, or much more."""
    mean = picture.mean()
    factor = rng.uniform(0.1, 0.5) if rng.random() < 0.7 else rng.uniform(3, 6)
    return np.asarray(mean + factor * (picture - mean), np.float32)


def recoloured(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Its channels exchanged or moved apart; grey pictures are made lighter or darker."""
    if len(picture) == 3 and rng.random() < 0.5:
        order = ((1, 2, 0), (2, 0, 1), (1, 0, 2), (2, 1, 0))[rng.integers(4)]
        return np.stack([picture[channel] for channel in order])
    move = rng.uniform(50, 140, (len(picture), 1, 1)) * rng.choice([-1, 1], (len(picture), 1, 1))
    return np.asarray(picture + move, np.float32)


def plain(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """One colour, or two that pass into each other."""
    first, second = (_any_color(picture, rng)[:, None, None] for _ in range(2))
    if rng.random() < 0.5:
        return np.broadcast_to(first, picture.shape).astype(np.float32)
    ramp = np.linspace(0, 1, picture.shape[1])[:, None]
    ramp = ramp if rng.random() < 0.5 else np.linspace(0, 1, picture.shape[2])[None, :]
    return np.broadcast_to(first + (second - first) * ramp, picture.shape).astype(np.float32)


def clouds(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Smooth random shapes: smoothed noise between two colours, often cut to a sharp edge."""
    _, height, width = picture.shape
    field = ndimage.gaussian_filter(
        rng.normal(size=(height, width)), min(height, width) * rng.uniform(0.04, 0.15)
    )
    field = (field - field.mean()) / (field.std() + 1e-9)
    share = 1 / (1 + np.exp(-field * rng.choice([1.0, 3.0, 12.0])))
    first, second = (_any_color(picture, rng)[:, None, None] for _ in range(2))
    return np.asarray(first + (second - first) * share, np.float32)


def strokes(picture: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """One to five random lines or arcs in one colour on another, drawn as coarsely as pictures may be."""
    _, height, width = picture.shape
    large = 4 * max(height, width)
    image = Image.new("L", (large, large), 0)
    pen = ImageDraw.Draw(image)
    thick = int(large * rng.uniform(0.06, 0.16))
    for _ in range(rng.integers(1, 6)):
        ends = rng.uniform(0.05, 0.95, 4) * large
        if rng.random() < 0.4:
            left, right = sorted(ends[:2])
            top, bottom = sorted(ends[2:])
            box = (left, top, right + large / 8, bottom + large / 8)
            begin = rng.uniform(0, 360)
            pen.arc(box, begin, begin + rng.uniform(90, 360), 255, thick)
        else:
            if rng.random() < 0.6:  # upright or level
                axis = rng.integers(2)
                ends[2 + axis] = ends[axis]
            pen.line(tuple(ends), 255, thick)
    coarse = max(4, min(height, width) // int(rng.integers(1, 4)))
    small = image.resize((coarse, coarse), Image.Resampling.BOX)
    share = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
    dark, light = _ends(picture)
    back, ink = (dark, light) if rng.random() < 0.7 else (_any_color(picture, rng), _any_color(other, rng))
    return np.asarray(back[:, None, None] + (ink - back)[:, None, None] * share, np.float32)


CORRUPTIONS: dict[str, Corruption] = {
    "patches shuffled": shuffle_patches,
    "noise added": noisy,
    "noise": pure_noise,
    "blurred": blurred,
    "pieces of two": pieces,
    "two mixed": mixed,
    "painted over": painted_over,
    "upside down": upside_down,
    "turned": turned,
    "inverted": inverted,
    "scaled": scaled,
    "sheared": sheared,
    "shifted": shifted,
    "faded": faded,
    "recoloured": recoloured,
    "plain": plain,
    "clouds": clouds,
    "strokes": strokes,
}


def _warped(picture: Picture, matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> Picture:
    out = [ndimage.affine_transform(channel, matrix, offset, order=1, mode="nearest") for channel in picture]
    return np.stack(out)


def _color(picture: Picture, rng: np.random.Generator) -> Picture:
    """The colour of one of its pixels, (C,)."""
    flat = picture.reshape(len(picture), -1)
    return flat[:, rng.integers(flat.shape[1])]


def _any_color(picture: Picture, rng: np.random.Generator) -> Picture:
    """A colour of the picture, or any at all, (C,)."""
    return (
        _color(picture, rng) if rng.random() < 0.5 else rng.uniform(0, 255, len(picture)).astype(np.float32)
    )


def _ends(picture: Picture) -> tuple[Picture, Picture]:
    """The colours of its edge's median and of the pixel farthest from it, (C,) each: its ground and its ink."""
    edge = np.concatenate([picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]], axis=1)
    ground = np.median(edge, axis=1).astype(np.float32)
    flat = picture.reshape(len(picture), -1)
    return ground, flat[:, np.abs(flat - ground[:, None]).sum(0).argmax()]
