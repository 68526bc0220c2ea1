"""A song's file: names from its tags, and the file that goes beside charts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mug.audio.tags import song_names
from mug.files import atomic_copy, atomic_write
from mug.pipeline.request import GenerationRequest

_UNTOUCHED = {"MP3": ".mp3", "OGG": ".ogg"}
_CONVERTED = ".ogg"


def with_names(request: GenerationRequest) -> GenerationRequest:
    """Return the request with title, artist and the song file's name in a package.

    Empty names are filled from the song's tags, or from the name of its file.

    Raises:
        AudioError: when the song cannot be read.
    """
    names, finish = song_names(request.audio), request.finish
    finish = replace(
        finish,
        title=_one_line(finish.title or names.title or request.audio.stem),
        artist=_one_line(finish.artist or names.artist or "Unknown artist"),
        audio_filename=f"audio{_untouched(request.audio) or _CONVERTED}",
    )
    return replace(request, finish=finish)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def packaged_song(audio: Path, folder: Path) -> Path:
    """Write the song as it goes into a package: mp3 and ogg untouched, anything else as ogg.

    Equal songs give equal bytes.

    So are files of several streams, or with damaged parts, which players read otherwise than the
    charts have them.

    Args:
        audio: the song.
        folder: where a converted or renamed copy is put.
    """
    untouched = _untouched(audio)
    if untouched is not None:
        target = folder / f"audio{untouched}"
        atomic_copy(audio, target)
        return target
    from mug.audio.load import read_sound
    from mug.audio.vorbis import encode_vorbis

    samples, rate, _ = read_sound(audio)  # the song's analysis tells what is missing
    target = folder / f"audio{_CONVERTED}"
    with atomic_write(target) as handle:
        handle.write(encode_vorbis(samples, rate))
    return target


def _untouched(audio: Path) -> str | None:
    """Return the ending of a song that players read as it is; None for one to convert."""
    import soundfile

    from mug.audio.decode_file import is_whole

    try:
        known = _UNTOUCHED.get(soundfile.info(audio).format)
    except soundfile.SoundFileError:
        return None
    return known if known is not None and is_whole(audio) else None
