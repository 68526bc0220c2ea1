"""From a request to files: an `.osz`, its report, and a picture."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mug.audio.tags import read_tags
from mug.beatmap.osz import write_osz
from mug.errors import GenerationError
from mug.pipeline.chart import GenerationRequest, GenerationResult, generate_charts
from mug.pipeline.checkpoint import LoadedModel
from mug.pipeline.finish import describe_chart
from mug.postprocess.picture import render_chart
from mug.protocols import Progress
from mug.util import atomic_write

_UNTOUCHED = {"MP3": ".mp3", "OGG": ".ogg"}
_BLOCK = 65536  # frames; libsndfile's Vorbis writer fails on one very large block


def make_package(
    model: LoadedModel,
    request: GenerationRequest,
    out: Path,
    progress: Progress | None = None,
    picture: Path | None = None,
) -> dict[str, Any]:
    """Makes charts and writes them as one `.osz`, with the report beside it.

    Args:
        model: a loaded model.
        request: what is asked for; empty title and artist are filled from the file's tags.
        out: the `.osz` to write; the report goes to the same name with `.json`.
        progress: called after every network step.
        picture: where to write a picture of the first chart.

    Returns:
        The report, plain containers.
    """
    if out.suffix.lower() != ".osz":
        raise GenerationError("the output must be an .osz file", file=out)
    tags = read_tags(request.audio)
    with TemporaryDirectory() as folder:
        song = packaged_song(request.audio, Path(folder))
        finish = replace(
            request.finish,
            title=_one_line(request.finish.title or tags.title or request.audio.stem),
            artist=_one_line(request.finish.artist or tags.artist or "Unknown artist"),
            audio_filename=song.name,
        )
        result = generate_charts(model, replace(request, finish=finish), progress)
        write_osz(out, result.beatmaps, {song.name: song})
    report = report_of(model, request, result)
    with atomic_write(out.with_suffix(".json"), "w", encoding="utf-8") as handle:
        json.dump(report, handle, indent=2, ensure_ascii=False)
    if picture is not None:
        render_chart(result.beatmaps[0], picture)
    return {**report, "files": [str(out), str(out.with_suffix(".json"))]}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def report_of(
    model: LoadedModel, request: GenerationRequest, result: GenerationResult
) -> dict[str, Any]:
    """What made the charts, what was asked for and what was reached."""
    charts = [
        describe_chart(beatmap, request.prompt, changes)
        for beatmap, changes in zip(result.beatmaps, result.changes, strict=True)
    ]
    return {
        "song": request.audio.name,
        "model": {
            "version": str(model.config.get("version", "")),
            "weights_sha256": model.weights_hash,
            "published": model.published,
        },
        "sampling": {
            "sampler": request.sampler,
            "steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "seed": request.seed,
        },
        "timing": {
            key: value for key, value in asdict(result.timing).items() if key != "candidates"
        },
        "charts": charts,
    }


def packaged_song(audio: Path, folder: Path) -> Path:
    """The song as it goes into the package: mp3 and ogg untouched, anything else as ogg.

    Args:
        audio: the song.
        folder: where a converted or renamed copy may be put.
    """
    import soundfile

    try:
        kind = soundfile.info(audio).format
    except soundfile.SoundFileError:
        kind = ""
    if kind in _UNTOUCHED:
        target = folder / f"audio{_UNTOUCHED[kind]}"
        target.write_bytes(audio.read_bytes())
        return target
    from mug.audio.load import decode

    samples, rate = decode(audio)
    target = folder / "audio.ogg"
    with soundfile.SoundFile(
        target, "w", samplerate=rate, channels=samples.shape[1], format="OGG", subtype="VORBIS"
    ) as handle:
        for first in range(0, len(samples), _BLOCK):
            handle.write(samples[first : first + _BLOCK])
    return target
