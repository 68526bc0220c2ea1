"""The command line of `main.py`, under the names that the original gave its flags."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mug.errors import ConfigError

_OVERRIDE = re.compile(r"[A-Za-z_][\w.\[\]-]*=")
_TAKES_TEXT = frozenset(
    [
        "-n",
        "--name",
        "-r",
        "--resume",
        "-p",
        "--project",
        "-f",
        "--postfix",
        "-l",
        "--logdir",
        "-s",
        "--seed",
    ]
)


@dataclass(frozen=True)
class Options:
    """The command line of `main.py`."""

    base: Sequence[str] = ()
    train: bool = False
    name: str = ""
    resume: str = ""
    no_test: bool = False
    project: str = ""
    debug: bool = False
    seed: int = 23
    postfix: str = ""
    logdir: str = "logs"
    scale_lr: bool = True
    overrides: Sequence[str] = field(default_factory=tuple)
    packages: Sequence[str] = ()


def _flag(text: str) -> bool:
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def parse_arguments(argv: Sequence[str]) -> Options:
    """Read the command line; `key=value` may stand anywhere.

    Raises:
        ConfigError: for what is neither a flag nor an override.
    """
    overrides, rest = _take_overrides(argv)
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Trains a model from YAML configs.",
        epilog="Any config value can be set as dotted.key=value, for example"
        " lightning.trainer.max_epochs=3 or data.params.batch_size=8.",
    )
    parser.add_argument("-n", "--name", default="", help="of the run; default: of the config")
    parser.add_argument("-r", "--resume", default="", help="log folder or checkpoint to go on from")
    parser.add_argument("-b", "--base", nargs="*", default=[], help="YAML files, left to right")
    flag: dict[str, Any] = {"type": _flag, "nargs": "?", "const": True}
    parser.add_argument("-t", "--train", default=False, help="train", **flag)
    parser.add_argument("--no-test", default=False, help="skip the test after training", **flag)
    parser.add_argument("-p", "--project", default="", help="folder below the log folder")
    parser.add_argument("-d", "--debug", default=False, help="show tracebacks", **flag)
    parser.add_argument("-s", "--seed", type=int, default=23, help="of everything (23)")
    parser.add_argument("-f", "--postfix", default="", help="appended to the run's name")
    parser.add_argument("-l", "--logdir", default="logs", help="where runs are kept (logs)")
    parser.add_argument(
        "--scale_lr",
        default=True,
        help="learning rate = accumulation x devices x batch size x base_learning_rate (true)",
        **flag,
    )
    parser.add_argument(
        "--packages",
        nargs="*",
        default=(),
        metavar="NAME",
        help="packages of your own whose classes configs may name as targets, too",
    )
    known, unknown = parser.parse_known_args(rest)
    if unknown:
        raise ConfigError(
            "config.unknown_argument",
            value=unknown[0],
            remedy="remedy.write_trainer_arguments",
        )
    return Options(**vars(known), overrides=tuple(overrides))


def _take_overrides(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    overrides: list[str] = []
    rest: list[str] = []
    for before, token in zip(["", *argv], argv, strict=False):
        is_override = _OVERRIDE.match(token) and before not in _TAKES_TEXT
        (overrides if is_override else rest).append(token)
    return overrides, rest
