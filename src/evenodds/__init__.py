"""evenodds trains generative adversarial networks on your own pictures and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenodds.core.errors import UserError
    from evenodds.gan import Gan

__all__ = ["Gan", "UserError", "__version__"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    # Late: the command line imports this package for its version, and torch takes seconds.
    if name == "Gan":
        from evenodds.gan import Gan

        return Gan
    if name == "UserError":
        from evenodds.core.errors import UserError

        return UserError
    raise AttributeError(f"module 'evenodds' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *globals()]
