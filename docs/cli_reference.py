"""The references of the command line and of the settings as Markdown, read off the code itself."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from cyclopts import App, ArgumentCollection
from cyclopts.argument import Argument
from pydantic.fields import FieldInfo

from evenodds.cli.main import app
from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import PRESETS
from evenodds.config.settings import (
    GameSettings,
    NetworkSettings,
    ObjectiveSettings,
    PlanSettings,
)

INTRODUCTION = """\
# Command line

Every command and flag, generated from the code at build time. `evenodds COMMAND --help` prints the same.

Exit codes: 0 done; 2 the input or a flag is wrong (one sentence on stderr says what to change); 3 training ended
`collapsed` or `diverged` (the last sound state is kept); 130 interrupted (saved); 1 a defect of evenodds.
"""
PRESETS_MEAN = """\
Values that a network takes where a flag is left out, if they differ from the default of the settings
([Python API](python.md#settings)). The size and kind of the data move some of them further; `RUN/recipe.json` holds the
values that a run used."""
VALUES = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


def render() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(section(name, command) for name, command in commands(app)), presets()])


def commands(parent: App, prefix: str = "") -> Iterator[tuple[str, App]]:
    """Names such as "steer find" and their commands, in the order in which they were registered."""
    for name in parent:
        command = parent[name]
        if name.startswith("-") or not command.show:
            continue
        yield f"{prefix}{name}", command
        yield from commands(command, f"{prefix}{name} ")


def arguments(command: App) -> ArgumentCollection:
    """What a command takes, hidden aliases left out."""
    if command.default_command is None:
        return ArgumentCollection()
    return command.assemble_argument_collection(parse_docstring=True).filter_by(show=True)


def section(name: str, command: App) -> str:
    """A command: how it is called, what it does, and a table for each group of its flags."""
    groups: dict[str, list[Argument]] = {}
    helps = {}
    for one in sorted(arguments(command), key=lambda one: not is_operand(one)):
        group = one.parameter.group[0]  # type: ignore[index]
        heading = "" if group.name in ("Parameters", "Arguments") else group.name
        groups.setdefault(heading, []).append(one)
        helps[heading] = group.help if heading else ""
    operands = [operand(one) for one in groups.get("", []) if is_operand(one)]
    usage = " ".join(["evenodds", name, *operands, "[OPTIONS]" if groups else "COMMAND"])
    level = "##" if " " not in name else "###"
    parts = [f"{level} evenodds {name}", f"```console\n{usage}\n```", prose(command.help)]
    for heading, rows in groups.items():
        parts += [f"**{heading}**"] if heading else []
        parts += [helps[heading]] if helps[heading] else []
        parts.append(table(rows))
    return "\n\n".join(parts) + "\n"


def table(rows: list[Argument]) -> str:
    """A line a flag."""
    lines = ["| flag | value | default | meaning |", "|---|---|---|---|"]
    for one in rows:
        cells = (names(one), value(one), default(one), prose(one.parameter.help))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def is_operand(one: Argument) -> bool:
    """Whether it is given by its place: RUN, SOURCE."""
    return one.index is not None


def operand(one: Argument) -> str:
    """An operand as a usage line shows it."""
    name = shown(one) + ("..." if many(one) else "")
    return name if one.required and not many(one) else f"[{name}]"


def shown(one: Argument) -> str:
    """An operand's name in capitals."""
    return one.name.lstrip("-").replace("-", "_").upper()


def names(one: Argument) -> str:
    """What a user types; of an operand its name, of a switch only the form that changes something."""
    if is_operand(one):
        return f"`{shown(one)}`"
    positive = [name for name in one.names if not (name.startswith(("--no-", "--empty-")))]
    return ", ".join(f"`{name}`" for name in sorted(positive, key=len))


def value(one: Argument) -> str:
    """The values that a flag takes."""
    if choices := one.get_choices():
        return ", ".join(f"`{choice}`" for choice in choices)
    kinds = [kind for kind in (get_args(one.hint) or (one.hint,)) if kind in VALUES]
    if one.hint is bool or not kinds:
        return ""
    return VALUES[kinds[0]] + (" ..." if many(one) else "")


def many(one: Argument) -> bool:
    """Whether it takes several values."""
    return get_origin(one.hint) in (tuple, list) or one.field_info.kind is one.field_info.VAR_POSITIONAL


def default(one: Argument) -> str:
    """What holds where a flag is left out; nothing where its text says it, or a preset decides."""
    if one.required:
        return "required"
    plain = one.field_info.default
    if plain is None or plain is one.field_info.empty or not one.show_default or isinstance(plain, bool):
        return ""
    if isinstance(plain, tuple | list):
        plain = " ".join(map(str, plain))
    return f"`{plain}`" if str(plain) else ""


def prose(text: str | None) -> str:
    """A text whose lines are wrapped: one line a paragraph, up to a docstring's section of parameters."""
    paragraphs = cleandoc(text or "").partition("Parameters\n---")[0].strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def settings() -> str:
    """A table for each class of settings: the keywords of Gan(...), with what they may be."""
    train = {one.name: prose(one.parameter.help) for one in arguments(app["train"])}
    parts = []
    for kind in (PlanSettings, DataSettings, NetworkSettings, ObjectiveSettings, GameSettings):
        lines = [f"### {kind.__name__}", "", "| keyword | value | default | meaning |", "|---|---|---|---|"]
        for name, field in kind.model_fields.items():
            meaning = train["--" + name.replace("_", "-")]
            cells = (f"`{name}`", allowed(field), f"`{field.default!r}`", meaning)
            lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def allowed(field: FieldInfo) -> str:
    """The values of a setting: its choices, or its type and bounds."""
    kinds = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)]
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice!r}`" for choice in kinds)
    names = [kind.__name__ for kind in kinds if kind is not Ellipsis]
    text = f"tuple of {names[0]}" if get_origin(field.annotation) is tuple else " or ".join(names)
    bounds = [
        f"{sign} {getattr(bound, key)}"
        for bound in field.metadata
        for key, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if hasattr(bound, key)
    ]
    return ", ".join([text, *bounds])


def presets() -> str:
    """What each network takes where a flag is left out."""
    settings: dict[str, dict[str, Any]] = {
        network: {key: value for room in preset for key, value in room.items()}
        for network, preset in PRESETS.items()
    }
    flags = list(dict.fromkeys(key for chosen in settings.values() for key in chosen))
    lines = [
        "## Presets",
        "",
        PRESETS_MEAN,
        "",
        "| | " + " | ".join(f"`{name}`" for name in settings) + " |",
        "|---" * (len(settings) + 1) + "|",
    ]
    for flag in flags:
        cells = [str(chosen.get(flag, "")) for chosen in settings.values()]
        lines.append(f"| `--{flag.replace('_', '-')}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
