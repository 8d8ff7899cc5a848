"""What files of anybody are fed to: each takes mutated content, and may refuse it with a sentence alone."""

from __future__ import annotations

import copy
import io
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import NetworkSettings, PlanSettings, Recipe
from evenodds.core import checksums
from evenodds.core.errors import UserError
from evenodds.data.images import labels
from evenodds.data.images.album import Album, BadPicture
from evenodds.data.images.arrays import decode, look
from evenodds.data.images.decoding import whole
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import read_table
from evenodds.export.hub import export_hub
from evenodds.export.pretrained import open_hub
from evenodds.runs.report import events
from evenodds.runs.run import Run
from evenodds.runs.sample import load_generator
from evenodds.runs.status import status_sentence
from evenodds.training.context import Context, Silent
from evenodds.training.loop import TrainingLoop, train
from evenodds.training.session import open_run
from evenodds.training.trainer import Trainer

CPU = torch.device("cpu")

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        7,
        2**31,
        2**63,
        -(2**64),
        1e308,
        -1e-308,
        0.5,
        float("nan"),
        float("inf"),
    ),
    *("", "x", "../../../evil", "/evil", "C:\\evil", "\0", "9" * 5000, "雪", "{}", "%s%n"),
    *(
        [],
        {},
        [[]],
        [0] * 1000,
        {"": None},
        {"kind": "picture", "channels": 3, "height": 4096, "width": 4096},
    ),
]
TOKENS = [
    *(
        b"\0",
        b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff",
        b"\x80\0\0\0",
        b"9" * 40,
        b"-1",
        b"1e999",
        b"nan",
        b'"',
        b"'",
    ),
    *(
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"../../evil",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"{",
        b"[" * 2000,
        b"}",
    ),
    *(
        b"PK\1\2",
        b"PK\3\4",
        b"PK\5\6",
        b"IHDR",
        b"IEND",
        b"iCCP",
        b"tEXt",
        b"acTL",
        b"II*\0",
        b"MM\0*",
        b"RIFF",
    ),
    *(
        b"2020-02-30",
        b"0000-00-00",
        b"99999-01-01",
        b"True",
        b"NA",
        b"=cmd|x",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
    ),
]


def mutated(content: bytes, others: list[bytes], chance: Random) -> bytes:
    """Some bytes changed, cut out, put in, doubled, or taken from elsewhere."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8, 30))):
        place = chance.randrange(len(data) + 1)
        span = chance.choice((1, 2, 4, 16, 200))
        how = chance.randrange(7)
        if how == 0 and data:
            data[min(place, len(data) - 1)] ^= 1 << chance.randrange(8)
        elif how == 1:
            data[place : place + span] = chance.randbytes(span)
        elif how == 2:
            del data[place : place + span]
        elif how == 3:
            token = chance.choice(TOKENS)
            data[place : place + len(token) * chance.randrange(2)] = token
        elif how == 4:
            data[place:place] = data[place : place + span] * chance.choice((1, 3, 50))
        elif how == 5:
            other = chance.choice(others)
            start = chance.randrange(len(other) + 1)
            data[place : place + span] = other[start : start + span]
        elif chance.random() < 0.2:
            del data[place:]
    return bytes(data)


def mutated_facts(facts: dict[str, Any], chance: Random) -> dict[str, Any]:
    """JSON with some values replaced, taken away, or added."""
    facts = copy.deepcopy(facts)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        inner: Any = facts
        while True:
            places = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            if not places:
                break
            place = chance.choice(places)
            deeper = isinstance(inner[place], dict | list)
            if deeper and chance.random() < 0.8:
                inner = inner[place]
                continue
            how = chance.randrange(4)
            if how == 0:
                del inner[place]
            elif how == 1 and isinstance(inner, dict):
                inner[str(chance.choice(VALUES))[:40]] = inner[place]
            else:
                inner[place] = copy.deepcopy(chance.choice(VALUES))
            break
    return facts


class Surface(NamedTuple):
    """Where hostile content comes in: what it is made from, and who takes it."""

    seeds: list[bytes]
    feed: Callable[[bytes], None]
    facts: bool = False
    """Whether the content is a JSON object."""

    def __repr__(self) -> str:
        return f"a surface of {len(self.seeds)} seeds"

    def content(self, chance: Random) -> bytes:
        """The next content to try."""
        seed = chance.choice(self.seeds)
        if self.facts and chance.random() < 0.8:
            return json.dumps(mutated_facts(json.loads(seed), chance)).encode()
        return mutated(seed, self.seeds, chance)

    def refuses_or_takes(self, content: bytes) -> str | None:
        """The sentence that it was refused with, None where it was taken. Anything else passes through."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.feed(content)
        except (UserError, BadPicture) as refusal:
            sentence = str(refusal)
            assert sentence.strip(), "a refusal says why"
            return sentence
        return None


def surfaces(folder: Path) -> dict[str, Surface]:
    """Every surface, with a folder to work in."""
    return {
        "recipe": recipe(folder / "recipe"),
        "journal": journal(folder / "journal"),
        "weights": weights(folder / "weights"),
        "state": state(folder / "state"),
        "table": table(folder / "table"),
        "picture": picture(),
        "zip": archive(folder / "zip"),
        "hub": hub(folder / "hub"),
    }


def game(folder: Path) -> TrainingLoop:
    """A tiny game that was played and saved, and may be gone on with."""
    folder.mkdir(parents=True)
    path = folder / "table.csv"
    rng = np.random.default_rng(0)
    lines = [f"{place % 3}x,{rng.normal():.2f},{rng.normal():.2f}" for place in range(60)]
    path.write_text("\n".join(["kind,a,b", *lines]))
    plan = PlanSettings(budget="3rounds", check_every=2)
    wanted = Recipe(plan=plan, network=NetworkSettings(network="gan", width=4, latent=2))
    store = prepare(find(str(path)), DataSettings())
    run = open_run(folder / "run", "x", resolve(wanted, store.spec, store.n_train, "x"), store, Silent())
    context = Context(CPU)
    train(run, store, context)
    return TrainingLoop(run, store, Trainer(run.recipe, store, CPU), context)


def sealed_again(content: bytes) -> bytes:
    """The content with the checksum that it should have, where it is a JSON object: who forges a file seals it."""
    try:
        facts = checksums.parse(content)
    except ValueError:
        return content
    facts.pop(checksums.SUM, None)
    return json.dumps(checksums.with_checksum(facts)).encode()


def recipe(folder: Path) -> Surface:
    """RUN/recipe.json of a foreign run, opened and sampled from."""
    run = game(folder).run
    (run.path / "checkpoints" / "recipe.json").unlink()

    def feed(content: bytes) -> None:
        (run.path / "recipe.json").write_bytes(sealed_again(content))
        load_generator(Run.open(run.path), CPU)

    return Surface([(run.path / "recipe.json").read_bytes()], feed, facts=True)


def journal(folder: Path) -> Surface:
    """RUN/journal.jsonl, as the report and a resumed game read it."""
    run = game(folder).run
    path = run.path / "journal.jsonl"

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        events(run)
        for check in run.checks():
            status_sentence(check)
        run.go_back_to(2)

    lines = path.read_bytes().splitlines(keepends=True)
    return Surface([path.read_bytes(), *lines], feed, facts=False)


def weights(folder: Path) -> Surface:
    """A checkpoint's safetensors, whose checksum fits."""
    run = game(folder).run
    best = run.checkpoints.best()
    path, about = best / "average.safetensors", best / "state.json"
    facts = checksums.read_verified(about)

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        sums = {**facts["tensors"], "average": checksums.checksum_of(path)}
        about.write_text(json.dumps(checksums.with_checksum({**facts, "tensors": sums})))
        load_generator(run, CPU)

    return Surface([path.read_bytes(), path.read_bytes()[:400]], feed)


def state(folder: Path) -> Surface:
    """A checkpoint's state.json, whose checksum fits, from which a game is gone on with."""
    play = game(folder)
    last = play.run.checkpoints.last()
    assert last is not None
    seed = (last / "state.json").read_bytes()
    kept = folder / "kept"
    shutil.copytree(play.run.path, kept, symlinks=True)

    def feed(content: bytes) -> None:
        shutil.rmtree(play.run.path)
        shutil.copytree(kept, play.run.path, symlinks=True)
        (play.run.path / "checkpoints" / last.name / "state.json").write_bytes(sealed_again(content))
        play.resume()

    return Surface([seed], feed, facts=True)


def hub(folder: Path) -> Surface:
    """config.json of a folder in the hub's form, opened and sampled from."""
    out = export_hub(game(folder).run, folder / "exported")
    path = out / "config.json"

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        run = open_hub(out)
        try:
            load_generator(run, CPU)
        finally:
            shutil.rmtree(run.path.parent)

    return Surface([path.read_bytes()], feed, facts=True)


def table(folder: Path) -> Surface:
    """A CSV or TSV file."""
    folder.mkdir(parents=True)
    seeds = [
        b"a,b,c\n" + b"".join(b"%d,%.2f,x%d\n" % (n, n / 3, n % 3) for n in range(30)),
        b'\xef\xbb\xbfname;when;n\n"a;b";2020-01-02;1\nc;2021-02-03;?\n' + b"d;2022-03-04;7\n" * 12,
        b"x\ty\n1e300\t-5\nnan\t12345678901234567890123\n" + b"0.1\ttrue\n" * 12,
        b"day,ok\n"
        + b"".join(b"%02d.03.2020,%s\n" % (n % 28 + 1, (b"yes", b"no")[n % 2]) for n in range(20)),
    ]

    def feed(content: bytes) -> None:
        path = folder / "table.csv"
        path.write_bytes(content)
        frame = read_table(path)
        codec = TableCodec.fit(frame, (), np.random.default_rng(0))
        rows = codec.encode(frame, np.random.default_rng(0))
        if not np.isfinite(rows).all():
            raise AssertionError("what is learnt from is no number")
        codec.decode(rows, np.random.default_rng(0))

    return Surface(seeds, feed)


def picture() -> Surface:
    """A picture file of any kind that is read."""
    seeds = []
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
        for mode in ("RGB", "L"):
            stream = io.BytesIO()
            pixels = rng.integers(0, 255, (12, 9, 3) if mode == "RGB" else (12, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(stream, kind)
            seeds.append(stream.getvalue())

    def feed(content: bytes) -> None:
        look(io.BytesIO(content))
        made = decode(io.BytesIO(content), 8, "crop", 3)
        if made.shape != (3, 8, 8) or made.dtype != np.uint8:
            raise AssertionError(f"a picture of {made.dtype} {made.shape}")
        whole(io.BytesIO(content))

    return Surface(seeds, feed)


def archive(folder: Path) -> Surface:
    """A zip of pictures with their labels, read in place."""
    folder.mkdir(parents=True)
    stream = io.BytesIO()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(stream, "PNG")
    seeds = []
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", compression) as made:
            for name in ("a/0.png", "a/1.png", "b/2.png", "../evil.png", "/evil.png"):
                made.writestr(name, stream.getvalue())
            link = zipfile.ZipInfo("b/link.png")
            link.external_attr = 0o120777 << 16
            made.writestr(link, "/etc/passwd")
            made.writestr("metadata.csv", "file_name,smile\na/0.png,1\nb/2.png,0\n")
        seeds.append(content.getvalue())
    path = folder / "pictures.zip"

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        source = find(str(path))
        with Album(path) as album:
            labels.read(album)
            for name in album.names:
                try:
                    with album.open(name) as file:
                        decode(file, 8, "crop", 3)
                except BadPicture:
                    continue
        assert source.kind == "pictures"

    return Surface(seeds, feed)
