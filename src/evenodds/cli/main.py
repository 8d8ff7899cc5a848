"""`evenodds`: the commands, their exit codes and errors. torch is imported late, so that help and errors are fast."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError
from pydantic import ValidationError

from evenodds import __version__
from evenodds.cli.cache import cache
from evenodds.cli.diff import diff
from evenodds.cli.doctor import doctor
from evenodds.cli.export import export
from evenodds.cli.former_flags import translate
from evenodds.cli.gallery import gallery
from evenodds.cli.judge import judge
from evenodds.cli.report import report
from evenodds.cli.sample import sample
from evenodds.cli.score import score
from evenodds.cli.steer import steer
from evenodds.cli.studio import studio
from evenodds.cli.train import train
from evenodds.core.errors import UserError

# GNU OpenMP's threads wait for each other by spinning, which on a machine that does something else beside costs up to
# ten times the work itself. A short spin costs nothing measurable on a free one. Read once, when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

WRONG = 2
INTERRUPTED = 130

app = App(
    name="evenodds",
    help="Train generative adversarial networks on your own pictures and tables.",
    version=__version__,
    exit_on_error=False,
    print_error=False,
)
app.command(train)
app.command(sample)
app.command(judge)
app.command(score)
app.command(steer)
app.command(doctor)
app.command(studio)
app.command(export)
app.command(report)
app.command(diff)
app.command(gallery)
app.command(cache)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 2 the input is wrong, 3 the training broke, 130 interrupted."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A file name that is no UTF-8, or a terminal that is not, must not end a training.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(translate(sys.argv[1:] if arguments is None else arguments), result_action="return_value")
    except (UserError, CycloptsError) as problem:
        print(f"evenodds: {sentence(problem)}", file=sys.stderr)
        code = WRONG
    except KeyboardInterrupt:
        print("evenodds: stopped", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to say.
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def sentence(problem: BaseException) -> str:
    """The problem on one line; of settings, which flag and what it should be."""
    cause = problem.__cause__
    if isinstance(cause, ValidationError):
        first = cause.errors()[0]
        flag = "--" + str(first["loc"][-1]).replace("_", "-")
        return f"{flag} {first['input']}: {first['msg'].lower().removeprefix('value error, ')}"
    return " ".join(str(problem).split())


if __name__ == "__main__":
    main()
