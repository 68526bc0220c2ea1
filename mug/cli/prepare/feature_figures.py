"""Draw how the features are distributed over composed songs: the pictures of docs/features.md.

The songs are those of `mug.compose` (seeds 0, 1, 2 ...): the same command, the same pictures.
Only their charts are needed; no sound is made.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.cli.common import OK, add_overwrite_option, progress_bar, run
from mug.compose.charts import TIERS, make_charts
from mug.compose.collection import beatmapset_id
from mug.compose.composer import compose_song
from mug.compose.style import SongStyle
from mug.difficulty.registry import compute_features
from mug.features import FeatureSchema
from mug.files import check_free
from mug.prepare.report.bins import feature_distributions
from mug.prepare.report.draw import bars_png
from mug.render.png import is_own_png


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("docs/figures/features"), help="folder for the pictures"
    )
    parser.add_argument("--songs", type=int, default=250, help="songs to compose (default 250)")
    parser.add_argument(
        "--features_yaml",
        default="configs/mug/mania_beatmap_features.yaml",
        help="features to draw (default: %(default)s)",
    )
    add_overwrite_option(parser)
    return parser.parse_args()


def _charts(songs: int, show: Callable[[int, int], None]) -> Iterator[Beatmap]:
    """Charts of all difficulties of composed songs."""
    style = SongStyle(seconds=(60.0, 120.0))
    for seed in range(songs):
        song = compose_song(seed, style)
        yield from make_charts(
            song, TIERS, keys=4, audio_filename="", beatmapset_id=beatmapset_id(seed)
        )
        show(seed + 1, songs)


def main() -> int:
    """Composes, measures and draws; one picture a feature."""
    given = _arguments()
    schema = FeatureSchema.from_yaml(given.features_yaml)
    pictures = {name: given.out / f"{name}.png" for name in schema.names}
    check_free(pictures.values(), overwrite=given.overwrite, is_ours=_is_own)
    with progress_bar("measuring", "song") as show:
        rows = [compute_features(chart, schema.names) for chart in _charts(given.songs, show)]
    for name, distribution in feature_distributions(schema, rows).items():
        bars_png(distribution, pictures[name])
    print(f"{len(schema.names)} pictures of {len(rows)} charts in {given.out}")
    return OK


def _is_own(picture: Path) -> bool:
    try:
        return is_own_png(picture)
    except (OSError, ValueError):
        return False


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Pictures that were drawn are whole.")
