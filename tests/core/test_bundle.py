"""Checkpoints come back exactly, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from evenodds.core import bundle
from evenodds.core.errors import UserError

STATE: dict[str, Any] = {
    "rounds": 12,
    "seen": 2**62 + 1,
    "seconds": 0.1 + 0.2,
    "tiny": 5e-324,
    "name": "Grün — 雪",
    "none": None,
    "nested": {"list": [1, 2.5, "three", True]},
}


def tensors(seed: int = 0) -> bundle.Tensors:
    torch.manual_seed(seed)
    kinds = [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.uint8,
        torch.bool,
    ]
    return {
        "kinds": {str(kind): (torch.randn(3, 4) * 9).abs().to(kind) for kind in kinds},
        "shapes": {
            "scalar": torch.tensor(7.0),
            "step": torch.tensor(3, dtype=torch.int64),
            "empty": torch.zeros(0, 3),
            "channels.last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
            "turned": torch.randn(4, 6).T,
            "odd": torch.tensor([float("inf"), -0.0, 1e-45]),
        },
        "nothing": {},
    }


def same(one: Tensor, other: Tensor) -> bool:
    """Equal to the bit, zeros' signs included."""
    return one.dtype == other.dtype and one.shape == other.shape and bits(one) == bits(other)


def bits(tensor: Tensor) -> list[int]:
    found: list[int] = tensor.contiguous().flatten().view(torch.uint8).tolist()
    return found


def assert_holds(folder: Path, expected: bundle.Tensors, state: dict[str, Any]) -> None:
    found, facts = bundle.read(folder)
    assert facts == state
    assert {name: set(group) for name, group in found.items()} == {n: set(g) for n, g in expected.items()}
    assert all(same(found[name][key], value) for name in expected for key, value in expected[name].items())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A written checkpoint."""
    place = tmp_path / "checkpoints" / "00000012"
    bundle.write(place, tensors(), STATE)
    return place


def test_what_was_written_is_read_back_exactly(folder: Path) -> None:
    assert_holds(folder, tensors(), STATE)


def test_a_checkpoint_is_safetensors_and_json_alone(folder: Path) -> None:
    names = {"kinds.safetensors", "shapes.safetensors", "nothing.safetensors", "state.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert [path.name for path in folder.parent.iterdir()] == ["00000012"]


def test_a_second_write_replaces_the_whole_first(folder: Path) -> None:
    other = {"kinds": tensors(1)["kinds"]}
    bundle.write(folder, other, {"rounds": 13})
    assert_holds(folder, other, {"rounds": 13})
    assert [path.name for path in folder.parent.iterdir()] == ["00000012"]


def test_what_a_dead_process_left_aside_is_in_nobodys_way(folder: Path) -> None:
    aside = folder.with_name(".00000012.0123456789ab.part")
    aside.mkdir()
    (aside / "half.safetensors").write_bytes(b"half")
    bundle.write(folder, tensors(1), STATE)
    assert_holds(folder, tensors(1), STATE)
    assert not aside.exists()


UNWRITABLE: list[tuple[bundle.Tensors, dict[str, Any]]] = [
    (tensors(1), {"rounds": object()}),
    ({"kinds": {"not a tensor": 1}}, STATE),  # type: ignore[dict-item]
]


@pytest.mark.parametrize(("broken", "state"), UNWRITABLE)
def test_a_write_that_fails_leaves_the_old_checkpoint_and_nothing_aside(
    folder: Path, broken: bundle.Tensors, state: dict[str, Any]
) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        bundle.write(folder, broken, state)
    assert [path.name for path in folder.parent.iterdir()] == ["00000012"]
    assert_holds(folder, tensors(), STATE)


def test_a_write_that_fails_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        bundle.write(tmp_path / "1", tensors(), {"rounds": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_a_file_is_not_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "1"
    place.write_text("mine")
    with pytest.raises(UserError, match="a file is in the way"):
        bundle.write(place, tensors(), STATE)
    assert place.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as refusal:
        bundle.read(folder)
    assert str(folder) in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_cut_off_file_of_tensors_is_the_users_to_hear_of(folder: Path, kept: int) -> None:
    path = folder / "shapes.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    refused(folder)


@pytest.mark.parametrize("content", [b"", b"{", b'{"rounds": 1', b"\xff\xfe\x00", b"not json"])
def test_a_damaged_state_is_the_users_to_hear_of(folder: Path, content: bytes) -> None:
    (folder / "state.json").write_bytes(content)
    refused(folder)


@pytest.mark.parametrize("name", ["state.json", "shapes.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refused(folder)


def test_the_damaged_file_is_named(folder: Path) -> None:
    (folder / "shapes.safetensors").write_bytes(b"no tensors")
    assert "shapes" in refused(folder)


def test_a_missing_checkpoint_is_the_users_to_hear_of(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere")


def test_a_link_points_beside_itself_and_can_be_moved_with_its_folder(folder: Path, tmp_path: Path) -> None:
    bundle.point(folder.parent / "last", folder)
    assert (folder.parent / "last").readlink() == Path("00000012")
    moved = folder.parent.rename(tmp_path / "elsewhere")
    assert_holds(moved / "last", tensors(), STATE)


def test_a_link_can_be_pointed_elsewhere(folder: Path) -> None:
    link, newer = folder.parent / "last", folder.with_name("00000013")
    bundle.write(newer, tensors(1), {"rounds": 13})
    bundle.point(link, folder)
    bundle.point(link, newer)
    assert link.resolve() == newer.resolve()
    assert_holds(folder, tensors(), STATE)
    assert {path.name for path in folder.parent.iterdir()} == {"00000012", "00000013", "last"}


def test_a_link_replaces_what_a_dead_process_left_aside(folder: Path) -> None:
    link = folder.parent / "last"
    link.with_name(".last.part").symlink_to("nowhere")
    bundle.point(link, folder)
    assert link.resolve() == folder.resolve()
    assert not link.with_name(".last.part").is_symlink()
