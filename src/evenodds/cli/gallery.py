"""`evenodds gallery`: the trained models that come with the package."""

from __future__ import annotations

import json as jsonlib


def gallery(*, json: bool = False) -> None:
    """List the trained models that come with the package.

    Each is named gallery:NAME wherever a trained run is read: in sample, judge, steer, score and export, in --init, and
    in Gan.load.

    Parameters
    ----------
    json:
        Print one JSON list of objects with name, what, samples, data, license, command, seconds, machine, date, uses
        and bytes.
    """
    from evenodds.cli.cache import size_text
    from evenodds.cli.display import clock
    from evenodds.runs.gallery import GALLERY, entries

    listing = entries()
    if json:
        print(jsonlib.dumps([entry.to_json() for entry in listing]))
        return
    for entry in listing:
        print(f"{GALLERY}{entry.name}  {entry.what} ({entry.samples}; {size_text(entry.size)})")
        print(f"  data: {entry.data}; license: {entry.license}")
        print(f"  trained for {clock(entry.seconds)} on {entry.machine}, {entry.date}: {entry.command}")
        for use in entry.uses:
            print(f"  {use}")
