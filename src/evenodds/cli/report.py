"""`evenodds report`: write a run's report, in English or Korean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from evenodds.core.errors import UserError


def report(
    run: Path,
    *,
    language: Literal["en", "ko"] = "en",
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> None:
    """Write a run's report: one self-contained page with what happened, figures, fakes and settings.

    Parameters
    ----------
    run:
        A run folder.
    language:
        The language of the page.
    out:
        An HTML file; RUN/report.html when left out, or RUN/report.ko.html in Korean.
    """
    from functools import partial

    from evenodds.core import atomic
    from evenodds.runs.report import render_report
    from evenodds.runs.run import Run
    from evenodds.runs.source_data import store_of
    from evenodds.studio.i18n import speaker
    from evenodds.studio.translate import translate

    opened = Run.open(run)
    path = out or opened.path / ("report.html" if language == "en" else f"report.{language}.html")
    if path.is_dir():
        raise UserError(f"{path} is a folder, give --out an HTML file")
    say = speaker(language)
    if language == "en":
        page = render_report(opened, store_of(opened))
    else:
        page = render_report(opened, store_of(opened), say, partial(translate, say), language)
    with atomic.reporting_write_errors(path.parent):
        atomic.write_bytes(path, page)
    print(path)
