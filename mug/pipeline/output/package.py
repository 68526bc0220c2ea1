"""Charts of a request as files: an `.osz`, the report beside it, and a picture."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mug.beatmap.formats.osu.package import write_osz
from mug.files import write_together
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.make import make
from mug.pipeline.output.own_files import check_package, reports_beside
from mug.pipeline.plan import Plan
from mug.pipeline.report import report_markdown
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ShouldStop
from mug.pipeline.song_file import packaged_song
from mug.protocols import Progress
from mug.render.chart_image import render_chart


def make_package(
    generator: ChartGenerator,
    request: GenerationRequest,
    out: Path,
    plan: Plan | None = None,
    *,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    picture: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Make charts and write them as one `.osz`, with the report beside it.

    Args:
        generator: the model.
        request: what is asked for; empty title and artist are filled from the file's tags.
        out: the `.osz` to write; the report goes to the same name with `.json` and `.md`.
        plan: candidates or a spread; plainly `request.count` charts by default.
        progress: called after every network step.
        should_stop: asked before every network step; True ends it with `Cancelled`.
        picture: where to write a picture of the first chart.
        overwrite: replace files too that this program has not made.

    Returns:
        The report, plain containers.

    Raises:
        FileError: when one of the files cannot be written; then none is.
    """
    check_package(out, picture, overwrite=overwrite)
    made = make(generator, request, plan, progress, should_stop)
    report, page = reports_beside(out)
    with TemporaryDirectory() as folder:
        song = packaged_song(request.audio, Path(folder))
        check_package(out, picture, overwrite=overwrite)  # it took a while
        with write_together() as files:
            with files.open(report, "w", encoding="utf-8") as handle:
                json.dump(made.report, handle, indent=2, ensure_ascii=False)
            files.write(page, report_markdown(made.report).encode())
            if picture is not None:
                render_chart(made.result.beatmaps[0], picture)
            write_osz(out, made.result.beatmaps, {song.name: song})  # never without its report
    return {**made.report, "files": [str(path) for path in (out, report, page)]}
