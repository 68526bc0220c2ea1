"""The command `mug`: one program for everything, `mug COMMAND --help` for each.

mug generate --ckpt MODEL --audio song.mp3 --out song.osz
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

from mug.cli.common import MISUSED, OK
from mug.threads import wait_passively
from mug.util import nearest

COMMANDS = {
    "generate": ("mug.cli.charts.generate:command", "make charts for a song, or a folder of songs"),
    "edit": ("mug.cli.charts.edit:command", "make a part of a chart again"),
    "lint": ("mug.cli.charts.lint:command", "find what a modder would point out"),
    "convert": ("mug.cli.charts.convert:command", "convert charts between games"),
    "inspect": ("mug.cli.charts.inspect:command", "say what made a chart"),
    "prompt": ("mug.cli.charts.prompt:command", "measure a chart as a prompt"),
    "webui": ("mug.cli.webui:command", "serve the web page"),
    "train": ("mug.train:main", "train a model by YAML"),
    "train-scorer": ("mug.cli.models.train_scorer:command", "train a rhythm scorer"),
    "compose": ("mug.cli.models.compose:command", "compose sample songs with charts"),
    "evaluate": ("mug.cli.models.evaluate:command", "judge models and charts"),
    "probe": ("mug.cli.models.probe:command", "measure what a model makes of its conditions"),
    "convert-checkpoint": (
        "mug.cli.models.convert_checkpoint:command",
        "turn a checkpoint into safetensors",
    ),
    "train-release": (
        "mug.cli.models.train_release:command",
        "train a release from nothing",
    ),
    "pack-model": ("mug.cli.models.pack_model:command", "pack a trained model into a folder"),
    "calibrate-model": (
        "mug.cli.models.calibrate_model:command",
        "measure the stars that a model reaches for those it is given",
    ),
    "fine-tune": ("mug.cli.models.fine_tune:command", "train a model further on your charts"),
    "models": ("mug.cli.models.models:command", "list the models at hand and choose one"),
    "prepare": ("mug.cli.prepare.collect:command", "collect charts into a data set"),
    "prepare-features": ("mug.cli.prepare.measure:command", "measure the charts of a data set"),
    "filter": ("mug.cli.prepare.filter:command", "clean and split a data set"),
    "report": ("mug.cli.prepare.report:command", "draw the report page of a data set"),
    "ranked": ("mug.cli.prepare.ranked:command", "list ranked beatmaps by the osu! API"),
    "ranking-mapper": (
        "mug.cli.prepare.ranking_mapper:command",
        "list beatmaps of mappers by the osu! API",
    ),
}
"""Command to its function, as module:name, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command's name and its own arguments; those of the process unless given.

    Returns:
        The command's exit code; 2 for a command that does not exist.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(_help())
        return OK if given else MISUSED
    name, *rest = given
    if name not in COMMANDS:
        print(f"error: no such command: {name!r}. {nearest(name, COMMANDS)}", file=sys.stderr)
        return MISUSED
    wait_passively()
    sys.argv = [f"mug {name}", *rest]  # argparse names the program by it
    return find_command(name)()


def find_command(name: str) -> Callable[[], int]:
    """Import what runs a command."""
    module, _, function = COMMANDS[name][0].partition(":")
    found: Callable[[], int] = getattr(importlib.import_module(module), function)
    return found


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(
        ["usage: mug COMMAND ...", "", *lines, "", "`mug COMMAND --help` has the rest."]
    )


if __name__ == "__main__":
    sys.exit(main())
