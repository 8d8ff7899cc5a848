"""The code speaks the field's language: names that were a private one are gone, from the source and from --help."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Answer

SOURCE = Path(__file__).parents[2] / "src" / "evenodds"

FORMER = frozenset(
    {"aside", "telling", "seal", "unseal", "Steward", "Keeper", "Kept", "Examiner", "Finish"}
    | {"Tempo", "Pace", "hastened", "Recorder", "turn_d", "turn_g", "take_place", "Wish", "wish_of"}
    | {"Wanted", "Asked", "hang", "tearing", "breaking", "sight", "Witnesses", "Opinion", "Eyes"}
    | {"Readers", "worn", "Settling", "lacking", "learnt", "made_by", "honoured", "fellows", "retold"}
    | {"saying", "guards", "arriving", "floors", "rooms", "place", "found", "told", "said"}
    | {"heard", "kept", "known", "given", "wanted", "asked", "licence", "grey", "colour"}
    | {"rate_d", "rate_g", "turns_d", "turns_g", "half_life", "penalty_by", "leave_out"}
)
"""Identifiers that have a standard name now: a device, a path, an index, or what the value is."""
FLAGS = "--rate-d --rate-g --turns-d --turns-g --half-life --penalty-by --leave-out --join --end --given --to --licence"


def former_names(path: Path) -> Iterator[str]:
    """The identifiers of a file that have another name now, with their lines."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    for token in tokens:
        if token.type == tokenize.NAME and token.string in FORMER:
            yield f"{path.name}:{token.start[0]} {token.string}"


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.relative_to(SOURCE).as_posix()
)
def test_no_former_name_is_left(path: Path) -> None:
    assert not list(former_names(path))


def test_a_former_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "planted.py"
    path.write_text('"""What was found."""\nfound = {"given": place}\n')
    assert list(former_names(path)) == ["planted.py:2 found", "planted.py:2 place"]


@pytest.mark.parametrize(
    "command", ["train", "sample", "judge", "score", "doctor", "export", "steer find", "steer apply"]
)
def test_help_has_no_former_flag(command: str, evenodds: Callable[..., Answer]) -> None:
    words = evenodds(*command.split(), "--help").out.split()
    assert "--help" in words or "Usage:" in words
    assert not set(FLAGS.split()) & set(words)
