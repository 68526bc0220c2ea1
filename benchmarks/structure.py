"""Measures of the structure of a checkout: folders, sizes, arguments, words, duplicates, imports.

    python benchmarks/structure.py
    python benchmarks/structure.py --root BEFORE AFTER --markdown

With two checkouts the table shows both. `--names` lists the places behind the counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import _structure  # noqa: E402

CROWDED = 20  # modules of a folder
LONG_FUNCTION = 60  # lines
MANY_ARGUMENTS = (8, 12)
WORST = 5  # names shown beside a maximum


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, nargs="+", default=[ROOT], metavar="DIR")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--names", action="store_true", help="list the places behind the counts")
    args = parser.parse_args()
    if len(args.root) > 2:
        parser.error("--root takes one checkout, or two: before and after")
    for root in args.root:
        if not (root / "mug").is_dir():
            parser.error(f"--root {root}: there is no folder mug; name a checkout of this project")
    trees = [_structure.read_sources(root) for root in args.root]
    titles = ["before", "after"] if len(trees) == 2 else ["now"]
    print(render([measure(sources) for sources in trees], titles, markdown=args.markdown))
    if args.names:
        for title, sources in zip(titles, trees, strict=True):
            print(f"\n{title}\n" + "\n".join(name_places(sources)))
    return 0


def measure(sources: list[_structure.Source]) -> dict[str, str]:
    """Return measure → value, in the order of the table."""
    return {
        **_measure_folders(sources),
        **_measure_sizes(sources),
        **_measure_arguments(sources),
        **_measure_words(sources),
        **_measure_arrows(sources),
    }


def render(columns: list[dict[str, str]], titles: list[str], *, markdown: bool) -> str:
    """Write measures as a table, one column a checkout, padded unless it is Markdown."""
    rows = [["measure", *titles], *([name, *(c[name] for c in columns)] for name in columns[0])]
    if markdown:
        rows.insert(1, ["---"] * len(rows[0]))
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in padded)


def name_places(sources: list[_structure.Source]) -> list[str]:
    """List the places behind the counts: arguments, class names, duplicates."""
    return [
        *_worst(_structure.argument_counts(sources), above=MANY_ARGUMENTS[0]),
        *(
            f"{name}: {', '.join(found)}"
            for name, found in _structure.repeated_class_names(sources).items()
        ),
        *(
            f"{first} = {second} ({length} lines)"
            for first, second, length in _structure.duplicates(sources)
        ),
    ]


def _measure_folders(sources: list[_structure.Source]) -> dict[str, str]:
    folders = _structure.count_modules_by_folder(sources)
    mug = {name: n for name, n in folders.items() if name == "mug" or name.startswith("mug/")}
    crowded = _worst(mug, above=CROWDED)
    return {
        "modules in `mug`, `__init__` not counted": str(sum(mug.values())),
        "modules in `mug`, `scripts`, `benchmarks` and the programs": str(sum(folders.values())),
        "folders of `mug`": str(len(mug)),
        "most modules in a folder of `mug`": _worst(mug)[0],
        f"folders of `mug` with more than {CROWDED} modules": _counted(crowded),
        "mean of modules in a folder of `mug`": f"{fmean(mug.values()):.1f}",
    }


def _measure_sizes(sources: list[_structure.Source]) -> dict[str, str]:
    files = {str(source.path): len(source.lines) for source in sources}
    functions = _structure.function_lengths(sources)
    return {
        "lines": str(sum(files.values())),
        "lines of a file, most": _worst(files)[0],
        "lines of a file, mean": f"{fmean(files.values()):.1f}",
        "functions": str(len(functions)),
        "lines of a function, most": _worst(functions)[0],
        "lines of a function, mean": f"{fmean(functions.values()):.1f}",
        f"functions with more than {LONG_FUNCTION} lines": str(_above(functions, LONG_FUNCTION)),
    }


def _measure_arguments(sources: list[_structure.Source]) -> dict[str, str]:
    counts = _structure.argument_counts(sources)
    fields = _structure.dataclass_fields(sources)
    return {
        "arguments of a function or constructor, most": ", ".join(_worst(counts)[:WORST]),
        **{
            f"functions and constructors with more than {n} arguments": str(_above(counts, n))
            for n in MANY_ARGUMENTS
        },
        "fields of a dataclass, most": _worst(fields)[0] if fields else "0",
        f"dataclasses with more than {MANY_ARGUMENTS[1]} fields": str(
            _above(fields, MANY_ARGUMENTS[1])
        ),
    }


def _measure_words(sources: list[_structure.Source]) -> dict[str, str]:
    texts = _structure.docstrings(sources)
    words = sum(len(text.split()) for text in texts)
    questions = sum(map(_structure.opens_with_question, texts))
    lines = sum(sum(map(bool, map(str.strip, source.lines))) for source in sources)
    comments = sum(map(_structure.comment_lines, sources))
    repeated = _structure.repeated_class_names(sources)
    return {
        "docstrings": f"{len(texts)} ({words} words)",
        'docstrings that open with "What", "How", "Whether", …': _share(questions, len(texts)),
        "… in 10,000 words of docstrings": f"{1e4 * questions / max(words, 1):.1f}",
        "lines with a comment, of those that are not blank": _share(comments, lines),
        "public class names that `mug` has more than once": _counted(list(repeated)),
        "lines of f-strings with an HTML or SVG tag": str(sum(map(_structure.html_lines, sources))),
    }


def _measure_arrows(sources: list[_structure.Source]) -> dict[str, str]:
    edges = _structure.import_edges(sources)
    packages = _structure.package_edges(edges)
    folders = _structure.folder_edges(sources)
    found = _structure.duplicates(sources)
    return {
        f"pairs of places with {_structure.RUN} or more equal lines": str(len(found)),
        "arrows between the entries of `mug`": str(len(packages)),
        "arrows between folders of `mug`": str(len(folders)),
        "folders of `mug` that import each other": str(_mutual(folders)),
        "arrows between modules of `mug`": str(len(edges)),
    }


def _worst(counts: Mapping[str, int], above: int | None = None) -> list[str]:
    """`n (name)`, the greatest first, equal ones by name."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{n} ({name})" for name, n in ranked if above is None or n > above]


def _above(counts: Mapping[str, int], limit: int) -> int:
    return sum(n > limit for n in counts.values())


def _counted(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "0"


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / max(whole, 1):.1f} %)"


def _mutual(edges: Iterable[tuple[str, str]]) -> int:
    known = set(edges)
    return sum((b, a) in known for a, b in known) // 2


if __name__ == "__main__":
    sys.exit(main())
