"""Two recordings side by side: what differs, with the first lines that do."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch

Recording = Mapping[str, Mapping[str, str]]

SHOWN_LINES, WIDTH = 12, 200


def compare(before: Recording, after: Recording, but: Sequence[str] = ()) -> int:
    """Print what differs in the parts that both recordings have.

    Args:
        before: the one recording.
        after: the other.
        but: patterns of names to leave out, e.g. `convert/lint_*`.

    Returns:
        1 where anything differs, or where there is nothing to compare; 0 else.
    """
    both = [part for part in before if part in after and part != "machine"]
    for part in sorted({*before, *after} - {*both, "machine"}):
        print(f"{part}: in one recording only, not compared")
    if before.get("machine") != after.get("machine"):
        print(f"other machine or packages: {before.get('machine')} | {after.get('machine')}")
    extents = {side.get("machine", {}).get("extent") for side in (before, after)}
    if len(extents) > 1:
        print("one of the recordings is quick, the other whole")
        return 1
    total = 0
    for part in both:
        old, new = (_named(part, side[part], but) for side in (before, after))
        found = list(differences(old, new))
        total += len(found)
        print(f"{part}: {len(old)} values, {len(found) or 'no'} differ", flush=True)
        for text in found:
            print(text)
    print("equal" if not total and both else f"{total} differences")
    return 1 if total or not both else 0


def _named(part: str, values: Mapping[str, str], but: Sequence[str]) -> dict[str, str]:
    named = {f"{part}/{name}": value for name, value in values.items()}
    return {
        name: value
        for name, value in named.items()
        if not any(fnmatch(name, pattern) for pattern in but)
    }


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Each difference as a few lines, the name first."""
    for name in {**before, **after}:
        if name not in after:
            yield f"  {name}: gone"
        elif name not in before:
            yield f"  {name}: new\n{_shortened(after[name].splitlines())}"
        elif before[name] != after[name]:
            old, new = before[name].splitlines(), after[name].splitlines()
            lines = difflib.unified_diff(old, new, "before", "after", lineterm="", n=0)
            yield f"  {name}:\n{_shortened(list(lines)[2:])}"


def _shortened(lines: Sequence[str]) -> str:
    shown = [f"      {line[:WIDTH]}" for line in lines[:SHOWN_LINES]]
    if len(lines) > SHOWN_LINES:
        shown.append(f"      ... {len(lines) - SHOWN_LINES} more lines")
    return "\n".join(shown)
