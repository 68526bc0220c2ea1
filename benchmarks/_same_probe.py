"""Work inside the checkout that is recorded: its commands, class names, shapes and checkpoints.

Run as a program of its own with that checkout as working directory and first on the path, so it
imports nothing from beside itself. It reads one JSON task from its input and prints one answer.
Of the checkout's modules it uses two names that configs and users stand on: `mug.util` for
`target:` and `mug.config` for YAML.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any


def main() -> int:
    """Do the task of the input and write its answer to the file that the task names."""
    task = json.load(sys.stdin)
    tasks: dict[str, Callable[..., Any]] = {
        "commands": commands,
        "targets": targets,
        "shapes": shapes,
        "tensors": tensors,
    }
    answer = tasks[task["do"]](**task["with"])
    Path(task["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


def commands(calls: list[list[str]]) -> list[dict[str, Any]]:
    """Run commands one after another in this process, which saves the imports of all but one.

    Args:
        calls: of each command the file, relative to the checkout, and its arguments.

    Returns:
        Of each command its exit code, output and, where it failed, its error output.
    """
    return [_command(call) for call in calls]


def _command(call: list[str]) -> dict[str, Any]:
    out, err, path = io.StringIO(), io.StringIO(), list(sys.path)
    code: Any = 0
    sys.argv = list(call)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(call[0], run_name="__main__")
        except SystemExit as stop:
            code = stop.code or 0
        except Exception:  # noqa: BLE001 - a crash is an output like any other
            traceback.print_exc()
            code = "crashed"
    sys.path[:] = path
    return {"code": code, "out": out.getvalue(), "err": err.getvalue() if code else ""}


def targets(names: list[str]) -> dict[str, str]:
    """Say of each dotted name whether a config may use it: `resolves`, or the error."""
    from mug.util import get_obj_from_str

    name_of: Callable[[str], str] = str  # older checkouts know aliases everywhere
    with contextlib.suppress(ImportError):  # newer ones where configs come in
        from mug.reference.config import resolve_target as name_of
    found = {}
    for name in names:
        try:
            get_obj_from_str(name_of(name))
            found[name] = "resolves"
        except Exception as error:  # noqa: BLE001 - the error is what is recorded
            found[name] = f"{type(error).__name__}: {error}"
    return found


def shapes(configs: list[str]) -> dict[str, dict[str, Any]]:
    """Build each config's model without memory for weights.

    Returns:
        Of each config the dotted names it uses, and the lines `name dtype shape` of the state dict
        in its order, which is also the order of the optimizer's parameters.
    """
    import torch

    from mug.config import load_config
    from mug.util import instantiate_from_config

    found = {}
    for config in configs:
        whole = load_config([config])
        node = {key: whole["model"][key] for key in ("target", "params")}
        with torch.device("meta"):
            module = instantiate_from_config(node)
        trained = {name for name, value in module.named_parameters() if value.requires_grad}
        found[config] = {
            "targets": sorted(set(_target_names(whole))),
            "state": [
                f"{name} {_kind(value)}{' trained' if name in trained else ''}"
                for name, value in module.state_dict().items()
            ],
            "parameters": [name for name, _ in module.named_parameters()],
        }
    return found


def _target_names(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("target"), str):
            yield node["target"]
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from _target_names(value)


def _kind(value: Any) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"


def tensors(file: str) -> dict[str, list[str]]:
    """Describe a checkpoint: one line a value, tensors as hashes, by the keys of the top."""
    if file.endswith(".safetensors"):
        from safetensors.torch import load_file

        return {"weights": list(_lines("", load_file(file)))}
    import torch

    loaded = torch.load(file, map_location="cpu", weights_only=True)
    return {str(key): list(_lines("", value)) for key, value in loaded.items()}


def _lines(name: str, node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _lines(f"{name}.{key}".lstrip("."), value)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _lines(f"{name}.{index}".lstrip("."), value)
    elif hasattr(node, "numpy") and hasattr(node, "dtype"):
        raw = node.detach().contiguous().cpu().flatten()
        data = raw.view(dtype=_bytes_type()).numpy().tobytes() if raw.numel() else b""
        yield f"{name} {_kind(node)} {hashlib.sha256(data).hexdigest()[:24]}"
    else:
        yield f"{name} {node.hex() if isinstance(node, float) else repr(node)}"


def _bytes_type() -> Any:
    import torch

    return torch.uint8


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
