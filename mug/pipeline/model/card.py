"""Model card of a packed model: text by a person, with a table of facts that is made."""

from __future__ import annotations

from pathlib import Path

from mug.features import FeatureSchema
from mug.pipeline.model.names import FEATURES_NAME, WEIGHTS_NAME
from mug.pipeline.model.release import Release
from mug.pipeline.model.weights_file import WeightsFile
from mug.render import markdown

BEGIN, END = "<!-- facts -->", "<!-- /facts -->"

_TEMPLATE = f"""# A model that makes charts

{BEGIN}
{END}

## Data

Not said.

## Licence

Not said.

## What it can and cannot do

Not said.

## Figures

Not measured.
"""


def with_table(text: str, folder: Path) -> str:
    """Return a card with a new table of facts between its two markers.

    Args:
        text: the card; an empty one gets a template, one without markers the table at its end.
        folder: the packed model.
    """
    text = text or _TEMPLATE
    table = f"{BEGIN}\n\n{table_of(folder)}\n{END}"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return f"{text.rstrip()}\n\n{table}\n"
    return f"{before}{table}{after}"


def table_of(folder: Path) -> str:
    """Return what can be read off a packed model, as a table of Markdown."""
    weights, release = WeightsFile(folder / WEIGHTS_NAME), Release.beside(folder)
    count = sum(weights.shape(name).numel() for name in weights)
    schema = FeatureSchema.from_yaml(folder / FEATURES_NAME)
    sampling = ", ".join(f"{name} {value}" for name, value in release.sampling.items())
    digest = markdown.cell(weights.metadata["sha256"])
    rows = [
        ("columns", release.keys),
        ("numbers", f"{count:,}"),
        ("size of the weights", f"{(folder / WEIGHTS_NAME).stat().st_size / 1e6:.2f} MB"),
        ("SHA-256 of names, shapes and values", markdown.Markup(f"`{digest}`")),
        ("sampling", sampling or "the program's defaults"),
        ("can be asked for", ", ".join(dict.fromkeys(schema.names))),
        *(
            (f"trained on {name}", f"{least:g} to {most:g}")
            for name, (least, most) in release.trained.items()
        ),
    ]
    lines = [*markdown.header(["fact", "value"]), *map(markdown.row, rows)]
    return "\n".join(lines) + "\n"
