"""Every setting as a keyword of `evenodds.Gan`: its signature, its documentation, and what a caller chose.

Nothing is written twice: names, types, defaults, ranges and texts are those of the settings classes. No torch here.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import textwrap
import warnings
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from evenodds.config.data_settings import DataSettings
from evenodds.config.group import FORMER, Group
from evenodds.config.presets import MIXED, PRESETS
from evenodds.config.settings import GameSettings, NetworkSettings, ObjectiveSettings, PlanSettings, Recipe
from evenodds.core.errors import UserError

GROUPS: dict[str, type[Group]] = {
    "plan": PlanSettings,
    "data": DataSettings,
    "network": NetworkSettings,
    "objective": ObjectiveSettings,
    "game": GameSettings,
}
Device = Literal["auto", "cpu", "cuda", "mps"]
_WIDTH = 100


class Keywords(GameSettings, ObjectiveSettings, NetworkSettings, DataSettings, PlanSettings):
    """Every setting and the device, flat: what editors and type checkers see of `Gan(...)`."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""


class InvalidSettingError(UserError, ValueError):
    """A setting has a value that makes no sense."""


class Unset:
    """Marks a default that nobody chose: a preset may decide otherwise, where the same value, chosen, would stand."""


_MARKED: dict[type, Any] = {kind: type(kind.__name__, (Unset, kind), {}) for kind in (str, int, float, tuple)}


def default_of(name: str) -> Any:
    """A setting's default, equal to it and marked as `Unset`."""
    value = fields()[name].default
    return None if value is None else _MARKED[type(value)](value)


def is_set(value: Any) -> bool:
    """Whether a caller chose the value: it is neither None nor a default that `default_of` gave."""
    return value is not None and not isinstance(value, Unset)


def fields() -> dict[str, FieldInfo]:
    """Every keyword, in the order of the command line's help."""
    return Keywords.model_fields


def signature() -> inspect.Signature:
    """The keywords with their types and defaults."""
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    keywords = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default_of(name), annotation=field.annotation
        )
        for name, field in fields().items()
    ]
    return inspect.Signature([own, *keywords])


def current_names(passed: Mapping[str, Any], call: str) -> dict[str, Any]:
    """What a caller gave by the names of now; a former name is warned of.

    Raises TypeError for an unknown name, with the one that is likely meant.
    """
    named: dict[str, Any] = {}
    for name, value in passed.items():
        if name in FORMER and name not in fields():
            warnings.warn(f"{name} is now called {FORMER[name]}", DeprecationWarning, stacklevel=4)
        now = name if name in fields() else FORMER.get(name, name)
        if now not in fields():
            close = difflib.get_close_matches(name, fields(), n=1)
            meant = f", did you mean {close[0]!r}?" if close else ", help(evenodds.Gan) lists them all"
            raise TypeError(f"{call} got an unexpected keyword argument {name!r}{meant}")
        if now in named:
            raise TypeError(f"{call} got both {name!r} and its former name")
        named[now] = value
    return named


def recipe_of(chosen: Mapping[str, Any]) -> Recipe:
    """The recipe of keywords; those that are not set are left to presets.

    Raises InvalidSettingError for a value that makes no sense.
    """
    groups: dict[str, Group] = {}
    for group, kind in GROUPS.items():
        values = {
            name: value for name, value in chosen.items() if name in kind.model_fields and is_set(value)
        }
        try:
            groups[group] = kind(**values)
        except ValidationError as problem:
            first = problem.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else group
            reason = first["msg"].removeprefix("Value error, ")
            raise InvalidSettingError(
                f"{name}={values.get(name)!r} makes no sense: {reason[:1].lower()}{reason[1:]}"
            ) from None
    return Recipe.model_validate(groups)


def chosen_in(recipe: Recipe) -> dict[str, Any]:
    """Every setting of a recipe, as keywords."""
    groups = (getattr(recipe, group) for group in GROUPS)
    return {name: getattr(group, name) for group in groups for name in type(group).model_fields}


class Configured:
    """Keeps keywords as scikit-learn's estimators do, and makes a recipe of them."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self._name = name
        self._settings = {keyword: default_of(keyword) for keyword in fields()}
        self._settings |= current_names(settings, f"{name}()")
        recipe_of(self._settings)  # a wrong value is refused now, and not when the data was prepared

    @property
    def recipe(self) -> Recipe:
        """The settings, by group; what was not chosen has its default there and is left to presets."""
        return recipe_of(self._settings)

    @property
    def device(self) -> str:
        """Where to compute: auto, cpu, cuda or mps."""
        return str(self._settings["device"] or "auto")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every keyword with its value.

        A default that was not chosen is marked as such: `Gan(**gan.get_params())` leaves it to presets, too. ``deep``
        is scikit-learn's and changes nothing.

        Examples
        --------
        >>> from evenodds import Gan
        >>> Gan(batch=32).get_params()["batch"]
        32
        """
        return dict(self._settings)

    def set_params(self, **params: Any) -> Self:
        """Set keywords, for the next `fit`.

        Raises InvalidSettingError for an unknown name and for a value that makes no sense, and changes nothing then.

        Examples
        --------
        >>> from evenodds import Gan
        >>> Gan().set_params(budget="30s")
        Gan(budget='30s')
        """
        try:
            settings = self._settings | current_names(params, "set_params()")
        except TypeError as problem:
            raise InvalidSettingError(str(problem)) from None
        recipe_of(settings)
        self._settings = settings
        return self

    def __repr__(self) -> str:
        chosen = (
            f"{name}={value!r}"
            for name, value in self._settings.items()
            if is_set(value) and value != default_of(name)
        )
        return f"{self._name}({', '.join(chosen)})"


def documentation() -> str:
    """Every keyword with its type, default, range and text, as a numpydoc section."""
    lines = ["Parameters", "----------"]
    decided = {name for preset in (*PRESETS.values(), MIXED) for part in preset for name in part}
    kinds: list[type[Group]] = [*GROUPS.values(), Keywords]
    for kind in kinds:
        for name, text in _texts(kind).items():
            field = fields()[name]
            default = f"default {field.default!r}" + (", or what the preset says" if name in decided else "")
            lines += [f"{name} : {_spelled(field.annotation)}, {default}{_limits(field)}"]
            lines += textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _texts(kind: type[Group]) -> dict[str, str]:
    """The text below each field of a settings class."""
    module = inspect.getmodule(kind)
    tree = ast.parse(inspect.getsource(module)) if module is not None else ast.Module([], [])
    [body] = [
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    ]
    texts: dict[str, str] = {}
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            note = below.value if isinstance(below, ast.Expr) else None
            texts[node.target.id] = (
                " ".join(str(note.value).split()) if isinstance(note, ast.Constant) else ""
            )
    return texts


def _limits(field: FieldInfo) -> str:
    """The range of a number as an interval, nothing where it has none."""
    limits = {
        sign: getattr(rule, sign)
        for rule in field.metadata
        for sign in ("ge", "gt", "le", "lt")
        if hasattr(rule, sign)
    }
    low = f"[{limits['ge']}" if "ge" in limits else f"({limits['gt']}" if "gt" in limits else "(-inf"
    high = f"{limits['le']}]" if "le" in limits else f"{limits['lt']})" if "lt" in limits else "inf)"
    return f", in {low}, {high}" if limits else ""


def _spelled(annotation: Any) -> str:
    """A type as a reader writes it."""
    if get_origin(annotation) is Literal:
        return "{" + ", ".join(repr(choice) for choice in get_args(annotation)) + "}"
    return getattr(annotation, "__name__", str(annotation)) if not get_args(annotation) else str(annotation)
