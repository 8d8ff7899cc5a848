"""Under which conditions fakes are made: some that the data held, or what the user asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image

from evenodds.core.bundle import Tensors
from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.core.rng import seed_of
from evenodds.core.spec import PictureSpec, RowSpec, Size
from evenodds.data.batches import as_given
from evenodds.data.conditioning import RequestedValue, requested_values
from evenodds.data.images import conditions
from evenodds.data.images.album import Album, BadPicture, is_archive
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import READABLE
from evenodds.data.tables.parsing import parse_assignments
from evenodds.networks.generate import ConditionSource, nothing
from evenodds.runs.matching import Matching, matching_of
from evenodds.runs.run import Run

STORED_PICTURES, STORED_VALUES = 64, 4096
"""Conditions that a run holds, at most: held-out pictures with the real ones, or values of training samples."""

NEAREST, FEWEST = 0.05, 16
"""Where a number is asked for, what else is given comes from the share of values nearest to it, of so many at least."""

ConditionRequest = str | Path | Mapping[str, Any] | pd.DataFrame | NDArray[Any]
"""Values as text (a=1,b=2), by name, or row by row (a frame or a table file), or pictures: a file, a folder, a zip, or
uint8 (m, H, W, C)."""

CPU = torch.device("cpu")


@dataclass(frozen=True)
class SamplingCondition:
    """Conditions for a stream of fakes."""

    conditions_for: ConditionSource = nothing
    pictures: NDArray[np.uint8] | None = None
    """Those that are pictures, uint8 (m, c, H, W); fakes take them in turn."""
    reals: NDArray[np.uint8] | None = None
    """The real pictures they were taken from, uint8 (m, C, H, W), where they are the run's own."""
    names: list[str] = field(default_factory=list)
    """What the given pictures are called."""
    values: dict[str, Any] = field(default_factory=dict)
    """What columns are to hold."""
    rows: pd.DataFrame | None = None
    """What columns are to hold row by row; fakes take the rows in turn."""
    matching: Matching | None = None
    """What columns are to hold for which the run was not trained: rows are drawn until enough of them do."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose values are requested."""
        return (*self.values, *([] if self.rows is None else self.rows.columns))


def sampled_conditions(store: Store) -> tuple[Tensors, dict[str, Any]] | None:
    """Some of the data's conditions for a run to hold: tensors and how values are encoded; None without a condition."""
    if store.condition is None:
        return None
    if store.condition.pictures:
        indices = np.arange(min(STORED_PICTURES, store.n_heldout))
        if store.condition.paired:
            blocks = {"given": store.conditions("heldout", indices), "real": store.heldout(indices)}
        else:
            indices = np.arange(min(STORED_PICTURES, store.n_conditions("heldout")))
            blocks = {"given": store.conditions("heldout", indices)}
    else:
        indices = np.random.default_rng(0).permutation(store.n_train)[:STORED_VALUES]
        blocks = {"given": store.conditions("train", indices)}
    tensors = {name: torch.from_numpy(block) for name, block in blocks.items() if block is not None}
    return {"known": tensors}, {"codec": store.condition_codec}


def resolve_condition(
    run: Run,
    request: ConditionRequest | None,
    seed: int,
    say: Say = lambda text: None,
    size: Size | None = None,
) -> SamplingCondition:
    """The conditions that the user wants, or without a wish those that the data held.

    Pictures of the user's own are fitted to a ``size``, or to the run's. Raises UserError for a condition that the run
    was not trained for and rows cannot be chosen by, and for values, pictures or a size that do not fit.
    """
    if size is not None and (run.condition is None or not run.condition.pictures or request is None):
        raise UserError(
            "a size is chosen for what is made from pictures of yours (--condition FILE): leave --size out"
        )
    if isinstance(run.spec, RowSpec) and (requested := spelled_values(run, request)):
        untrained = [name for name in requested if name not in trained_columns(run)]
        if untrained:
            rest = {name: value for name, value in requested.items() if name not in untrained}
            matching = matching_of(
                TableCodec.from_json(run.codec()), {name: requested[name] for name in untrained}
            )
            return replace(resolve_condition(run, rest or None, seed, say), matching=matching)
    if run.condition is None:
        if request is not None:
            raise UserError(
                f"{run.path} was trained without a condition, train with --condition to ask for one"
            )
        return SamplingCondition()
    tensors, state = run.stored_conditions()
    stored = tensors["known"]["given"].numpy()
    if run.condition.pictures:
        if request is None:
            if not len(stored):
                raise UserError(
                    f"{run.path} holds no pictures of its data, give a picture file or a folder of them"
                )
            reals = tensors["known"].get("real")
            return turns(stored, reals=None if reals is None else reals.numpy())
        return pictures(run, request, say, size)
    codec = TableCodec.from_json(state["codec"])
    if isinstance(request, Mapping):
        spelled = {name: codec.spelled(name, value) for name, value in request.items()}
        return values(run, stored, requested_values(codec, spelled), seed)
    if isinstance(request, str | Path) and is_table_file(Path(request).expanduser()):
        request = codec.read_file(Path(request).expanduser())
    if isinstance(request, pd.DataFrame):
        return row_by_row(run, stored, request, codec, seed)
    if request is not None and (not isinstance(request, str) or "=" not in request):
        what = f"{request}" if isinstance(request, str | Path) else "pictures"
        raise UserError(
            f"{what} cannot be given: {run.path} was trained for values of {', '.join(codec.names)}, "
            f"give them like {codec.names[0]}=..."
        )
    return values(run, stored, [] if request is None else requested_values(codec, request), seed)


def spelled_values(run: Run, request: ConditionRequest | None) -> dict[str, str]:
    """What columns are to hold, as texts by name; nothing where no values are requested for all rows alike."""
    if isinstance(request, Mapping):
        codec = TableCodec.from_json(run.codec())
        return {name: codec.spelled(name, value) for name, value in request.items()}
    if not isinstance(request, str) or "=" not in request or is_table_file(Path(request).expanduser()):
        return {}
    return parse_assignments(request)


def trained_columns(run: Run) -> tuple[str, ...]:
    """The columns of a table that the run was trained to be asked for."""
    return () if run.condition is None else TableCodec.from_json(run.stored_conditions()[1]["codec"]).names


def is_table_file(path: Path) -> bool:
    """Whether a path names a file that holds a table, by its suffix."""
    return path.name.lower().endswith(READABLE) and path.is_file()


def values(
    run: Run, stored: NDArray[np.float32], requested: list[RequestedValue], seed: int
) -> SamplingCondition:
    """Values as the data held them together, those that are asked for put in; of the data's only such that agree with
    what is requested, where there are any."""
    spec = cast(RowSpec, run.condition.spec if run.condition else None)
    for one in requested:
        stored = agreeing(spec, stored, one)

    def conditions_for(start: int, count: int) -> torch.Tensor:
        rng = np.random.default_rng(seed_of(seed, "given", start))
        chosen = stored[rng.integers(len(stored), size=count)]
        for one in requested:
            chosen[:, one.start : one.stop] = one.values
        return torch.from_numpy(chosen)

    return SamplingCondition(conditions_for, values={one.name: one.value for one in requested})


def row_by_row(
    run: Run, stored: NDArray[np.float32], requests: pd.DataFrame, codec: TableCodec, seed: int
) -> SamplingCondition:
    """The values of a table's rows, which fakes take in turn; an empty cell, or a column that is not there, follows the
    data. Equal rows are looked up once.

    Raises UserError for a table without a column that was trained for, and, naming the row, for values that do not fit.
    """
    names = [name for name in codec.names if name in requests.columns]
    if not names:
        raise UserError(
            f"the rows that are requested have none of the columns {', '.join(codec.names)}: name one"
        )
    requests = requests.reset_index(drop=True)
    distinct = requests[names].drop_duplicates()
    numbered = distinct.assign(_index=range(len(distinct)))
    index_of = requests[names].merge(numbered, how="left", on=names)["_index"]
    resolved = [
        values(run, stored, requested_of_row(codec, dict(zip(names, row, strict=True)), index + 1), seed)
        for index, row in zip(distinct.index.tolist(), distinct.itertuples(index=False), strict=True)
    ]
    order = index_of.to_numpy(np.intp)
    held = (
        pd.DataFrame([one.values for one in resolved])
        .reindex(columns=names)
        .iloc[order]
        .reset_index(drop=True)
    )

    def conditions_for(start: int, count: int) -> torch.Tensor:
        turn = order[np.arange(start, start + count) % len(order)]
        chosen = torch.empty(count, stored.shape[1])
        for index in np.unique(turn):
            rows = np.flatnonzero(turn == index)
            chosen[rows] = resolved[index].conditions_for(start + int(rows[0]), len(rows))
        return chosen

    return SamplingCondition(conditions_for, rows=held)


def requested_of_row(codec: TableCodec, row: Mapping[str, Any], number: int) -> list[RequestedValue]:
    """What a row of a table asks for, its gaps left open. UserError, naming the row, for values that do not fit."""
    spelled = {name: codec.spelled(name, value) for name, value in row.items() if not pd.isna(value)}
    try:
        return requested_values(codec, {n: text for n, text in spelled.items() if not codec.is_gap(n, text)})
    except UserError as problem:
        raise UserError(f"row {number} of those requested: {problem}") from None


def agreeing(spec: RowSpec, stored: NDArray[np.float32], one: RequestedValue) -> NDArray[np.float32]:
    """Of values (k, width) those with the requested choices, and of them those nearest to the requested numbers; all of
    them where none has its choices."""
    spans = [span for span in spec.spans if one.start <= span.start < one.stop]
    for span in sorted(spans, key=lambda span: span.kind == "number"):
        mine = stored[:, span.start : span.stop]
        target = one.values[span.start - one.start : span.stop - one.start]
        if span.kind == "number":
            apart = np.abs(mine - target).sum(1)
            stored = stored[np.argsort(apart, kind="stable")[: max(FEWEST, round(NEAREST * len(stored)))]]
        else:
            agree = mine.argmax(1) == target.argmax()
            stored = stored[agree] if agree.any() else stored
    return stored


def turns(
    blocks: NDArray[np.uint8], names: list[str] | None = None, reals: NDArray[np.uint8] | None = None
) -> SamplingCondition:
    """Pictures (m, c, H, W) in turn."""

    def conditions_for(start: int, count: int) -> torch.Tensor:
        return as_given(blocks[np.arange(start, start + count) % len(blocks)], CPU)

    return SamplingCondition(conditions_for, blocks, reals, names or [])


def pictures(run: Run, request: ConditionRequest, say: Say, size: Size | None = None) -> SamplingCondition:
    """The user's own pictures as conditions, of a ``size`` or of the run's; what was done to them is told to ``say``,
    bad ones among others too."""
    if (
        run.condition is None
        or isinstance(request, Mapping | pd.DataFrame)
        or (isinstance(request, str) and _spelled(request))
    ):
        raise UserError(
            f"{run.path} was trained for {run.condition.kind if run.condition else 'nothing'}: "
            "give a picture file or a folder of them"
        )
    names: list[str] = []
    blocks: list[NDArray[np.uint8]] = []
    spec, drawn_from = (cast(PictureSpec, one) for one in (run.spec, run.condition.spec))
    if size is not None:
        spec, drawn_from = (PictureSpec.of(one.channels, size) for one in (spec, drawn_from))
    for name, file in _files(request, say):
        try:
            block, note = conditions.read(
                run.condition.kind, file, spec, drawn_from, run.recipe.data.fit, run.range_of_inputs
            )
        except BadPicture as problem:
            say(f"{name} is left out: {problem}")
            continue
        names.append(name)
        blocks.append(block)
        if note:
            say(f"{name}: {note}")
    if not blocks:
        raise UserError("none of the pictures given can be read, give pictures that open in a viewer")
    return turns(np.stack(blocks), names)


def _spelled(text: str) -> bool:
    return not text.strip() or ("=" in text and not Path(text).expanduser().exists())


def _files(request: Any, say: Say) -> Any:
    """Names and readable files of what is given."""
    if isinstance(request, np.ndarray):
        if request.dtype != np.uint8 or request.ndim != 4 or request.shape[-1] not in (1, 3, 4):
            raise UserError(
                f"pictures {request.dtype} {request.shape} cannot be given, give uint8 (m, H, W, C)"
            )
        for index, picture in enumerate(request):
            content = BytesIO()
            Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(content, "PNG")
            yield f"picture {index}", BytesIO(content.getvalue())
        return
    path = Path(request).expanduser()
    if not path.exists():
        raise UserError(f"{path} is not there, give a picture file or a folder of them")
    if not path.is_dir() and not is_archive(path):
        yield path.name, path
        return
    with Album(path) as album:
        for name in album.names:
            try:
                with album.open(name) as file:
                    yield name.lstrip("/"), file  # a zip's absolute name is one in the folder that is written
            except BadPicture as problem:
                say(f"{name} is left out: {problem}")
