"""Convert charts between osu!mania, StepMania, Quaver and Malody.

IN is a chart, a package or a folder of these; OUT a chart, a package or a folder. Sound and
pictures go along. What the format of OUT cannot hold is listed. Files of OUT with other content
stay, unless --overwrite is given; a song is written whole or not at all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.audio.load import sound_length
from mug.beatmap.formats.convert import Conversion, convert
from mug.beatmap.formats.registry import suffixes
from mug.cli.common import FAILED, OK, STRICT, add_overwrite_option, progress_bar, run, warn
from mug.errors import AudioError, printable
from mug.messages.message import Message

_SHOWN = 10


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="IN", type=Path, help=f"{suffixes()} or a folder")
    parser.add_argument("out", metavar="OUT", type=Path, help="a chart, a package or a folder")
    parser.add_argument(
        "--to", metavar="FORMAT", help="one of these without its dot, where OUT is a folder"
    )
    add_overwrite_option(parser)
    parser.add_argument("--strict", action="store_true", help=STRICT)
    return parser.parse_args()


def main() -> int:
    """Converts, then says what was written and what was lost; 1 when something failed."""
    given = _arguments()
    with progress_bar("converting", "song") as show:
        done = convert(
            given.source,
            given.out,
            given.to,
            progress=show,
            strict=given.strict,
            inspect=_inspected,
            overwrite=given.overwrite,
        )
    return _summary(done, given.out)


def _inspected(sound: Path) -> tuple[Message, ...]:
    """Notices on a sound, which goes along as it is."""
    try:
        return sound_length(sound)[1]
    except AudioError as error:
        return (error.what,)


def _summary(done: Conversion, out: Path) -> int:
    print(f"{done.charts} charts in {len(done.written)} files: {out}")
    if done.losses:
        print("Not kept, or changed:")
        for loss in done.losses:
            print(f"  {loss}")
    else:
        print("Nothing was lost.")
    for sound, notice in done.notices:
        warn(f"{printable(sound)}: {notice}")
    for what, entries in (("Not there", done.missing), ("Not converted", done.failed)):
        if entries:
            print(f"{what}: {len(entries)}")
            for entry in entries[:_SHOWN]:
                print(f"  {printable(str(entry))}")
            if len(entries) > _SHOWN:
                print(f"  … and {len(entries) - _SHOWN} more")
    return FAILED if done.failed else OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="What is written is whole; the same command does it all again.")
