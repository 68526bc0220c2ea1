"""Small models that differ in one thing: composed songs, both trainings, held-out songs as judges.

What `time_axis.py` and `ablations.py` share. Every step is a command or a file that is not made
again, so that a stopped run goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mug.cli.steps import Steps
from mug.compose.held_out import HELD_OUT_KINDS, compose_held_out
from mug.compose.varied_collection import VariedOptions
from mug.files import atomic_write

FEATURES = "configs/mug/features_2.yaml"
CHARTS = 8  # of a composed song

TOLERANCE_MS = 20.0

Figures = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """Sizes of a comparison.

    Args:
        songs: to train on, where an arm does not say.
        seconds: shortest and longest of them.
        first_stage: training steps of it.
        diffusion: training steps of it.
        scorer: training steps of it.
        scorer_songs: songs that teach it; no network learns from them.
        kinds: of held-out songs.
        charts: of each that are judged, spread over its star ratings.
        seeds: samples of each chart.
        steps: of the sampler.
        guidance_scale: 1 is off.
    """

    songs: int = 28
    seconds: tuple[float, float] = (60.0, 100.0)
    first_stage: int = 4000
    diffusion: int = 1400
    scorer: int = 600
    scorer_songs: int = 16
    kinds: tuple[str, ...] = tuple(HELD_OUT_KINDS)
    charts: int = 3
    seeds: int = 2
    steps: int = 12
    guidance_scale: float = 2.0


FULL = Sizes()
QUICK = Sizes(
    songs=4, seconds=(24.0, 28.0), first_stage=4, diffusion=4, scorer=3, scorer_songs=4,
    kinds=("230 BPM",), charts=1, seeds=1, steps=2,
)  # fmt: skip

QUICK_OVERRIDES = (
    "lightning.callbacks.first_stage_guard=null",  # so few steps rebuild nothing
    "lightning.callbacks.split_guard=null",
    "model.params.optimizer.scheduler_config.params.warm_up_steps=1",
    "data.params.batch_size=2",
)


@dataclass(frozen=True)
class Arm:
    """One of the models that are compared.

    Args:
        name: in the table.
        config: stem of its configs, `configs/mug/<config>.yaml` and `<config>_autoencoder.yaml`.
        both: key=value for both trainings.
        first_stage: key=value for the first stage alone.
        diffusion: key=value for the diffusion alone.
        songs: songs to train on; those of the sizes when None.
        scorer: further words of scripts/train_scorer.py; None for a model without one.
    """

    name: str
    config: str = "listen"
    both: tuple[str, ...] = ()
    first_stage: tuple[str, ...] = ()
    diffusion: tuple[str, ...] = ()
    songs: int | None = None
    scorer: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Comparison:
    """Arms at work in one folder.

    Args:
        out: the folder.
        sizes: of everything.
        overrides: key=value for all trainings.
    """

    out: Path
    sizes: Sizes
    overrides: tuple[str, ...] = field(default=())

    @property
    def steps(self) -> Steps:
        """Commands and what is done of them."""
        return Steps(self.out)

    def compose(self, songs: int, *, scorer: bool) -> None:
        """Songs for training, apart from them those for a scorer, and held-out ones.

        Args:
            songs: most songs that any arm trains on.
            scorer: whether any arm has one.
        """
        low, high = self.sizes.seconds
        length = ["--min_s", f"{low:g}", "--max_s", f"{high:g}"]
        sets = [("songs", songs, 0)]
        sets += [("scorer_songs", self.sizes.scorer_songs, 1)] if scorer else []
        for name, count, seed in sets:
            where = ["--out", str(self.out / name), "--seed", str(seed), "--count", str(count)]
            command = ["scripts/compose_songs.py", "--varied", *where, *length]
            self.steps.run(f"compose {name}", command)
        compose_held_out(self.held_out, kinds=self.sizes.kinds, options=VariedOptions())
        dataset = self.out / "dataset"
        folders = ["--song_dir", str(self.out / "songs"), "--out_dir", str(dataset)]
        prepare = ["scripts/prepare_beatmap.py", *folders, "--mode_int", "3", "--cs", "4"]
        self.steps.run("prepare", prepare)
        files = ["--beatmap_txt", str(dataset / "beatmap.txt"), "--features_yaml", FEATURES]
        self.steps.run("features", ["scripts/prepare_beatmap_features.py", *files])

    @property
    def held_out(self) -> Path:
        """Folder of the songs that judge."""
        return self.out / "held_out"

    def train(self, arm: Arm, seed: int) -> Path:
        """Both stages of an arm; its checkpoint, with the scorer beside it where it has one.

        A first stage is trained once for all arms that have the same.

        Args:
            arm: to train.
            seed: of both trainings.
        """
        common = [
            f"data.params.common_params.txt_file={self._charts(arm)}",
            f"data.params.common_params.audio.cache_dir={self.out / 'cache'}",
            f"data.params.common_params.features.feature_yaml={FEATURES}",
            "lightning.trainer.enable_progress_bar=false",
            *self.overrides,
            *arm.both,
        ]
        base = f"configs/mug/{arm.config}_autoencoder.yaml"
        own = [*common, f"lightning.trainer.max_steps={self.sizes.first_stage}", *arm.first_stage]
        name = f"first stage {_digest([base, *own])} {seed}"
        first = self.steps.train(name, base, [*own, "--seed", str(seed)])
        own = [
            *common,
            f"model.params.first_stage_config.params.ckpt_path={first}",
            f"lightning.trainer.max_steps={self.sizes.diffusion}",
            "lightning.callbacks.condition_probe=null",
            *arm.diffusion,
        ]
        scorer = None if arm.scorer is None else self._scorer(arm.scorer)
        if scorer is not None:
            own += [
                f"data.params.common_params.lines.scorer={scorer}",
                "data.params.train.params.lines.drawn_rows_p=0.3",
            ]
        where = f"{arm.name} {seed}"
        base = f"configs/mug/{arm.config}.yaml"
        checkpoint = self.steps.train(where, base, [*own, "--seed", str(seed)])
        if scorer is not None:
            beside = checkpoint.parent / "rhythm.safetensors"
            if not beside.exists():
                beside.symlink_to(scorer)
        return checkpoint

    def judge(self, arm: Arm, seed: int) -> list[Figures]:
        """Figures of an arm, one a sampled chart; read again where they are there.

        Args:
            arm: to train, where that is not done, and to judge.
            seed: of its trainings.
        """
        checkpoint = self.train(arm, seed)
        file = self.out / "judged" / f"{arm.name} {seed}.json"
        about = [asdict(self.sizes), str(checkpoint), checkpoint.stat().st_mtime_ns]
        digest = _digest([json.dumps(about)])
        if file.is_file():
            kept = json.loads(file.read_text(encoding="utf-8"))
            if kept["digest"] == digest:
                print(f"[judge {arm.name} {seed}] done before", flush=True)
                return list(kept["figures"])
        figures = judged(checkpoint, self.held_out, self.sizes)
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file, "w", encoding="utf-8") as handle:
            json.dump({"digest": digest, "figures": figures}, handle)
        return figures

    def _scorer(self, words: Sequence[str]) -> Path:
        """A rhythm scorer, trained once for all arms that have the same."""
        out = self.out / f"scorer {_digest(words)}"
        folders = ["--songs", str(self.out / "scorer_songs"), "--out", str(out)]
        cache = ["--cache", str(self.out / "cache"), "--steps", str(self.sizes.scorer)]
        self.steps.run(out.name, ["scripts/train_scorer.py", *folders, *cache, *words])
        return out / "scorer.safetensors"

    def _charts(self, arm: Arm) -> Path:
        """List of the charts of the first so many songs."""
        count = arm.songs or self.sizes.songs
        listed = self.out / "dataset" / f"songs_{count}.txt"
        lines = (listed.parent / "beatmap.txt").read_text(encoding="utf-8").splitlines()
        names = sorted({line.partition("/")[0] for line in lines})[:count]
        with atomic_write(listed, "w", encoding="utf-8") as handle:
            handle.write("\n".join(line for line in lines if line.partition("/")[0] in names))
        return listed


def judged(checkpoint: Path, held_out: Path, sizes: Sizes) -> list[Figures]:
    """Figures of a model on composed songs that no training has, their own red lines given.

    Args:
        checkpoint: of the model.
        held_out: folder of the songs.
        sizes: how much is judged.
    """
    from mug.evaluation.made import Maker, ModelRun
    from mug.evaluation.songs import Against, load_songs, load_sound
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.request import GenerationRequest

    generator = ChartGenerator.from_checkpoint(checkpoint)
    how = GenerationRequest(Path(), steps=sizes.steps, guidance_scale=sizes.guidance_scale)
    run = ModelRun(seeds=sizes.seeds, how=replace(how, batch_size=sizes.seeds))
    found: list[Figures] = []
    for song in load_songs(held_out, generator.model.keys):
        sound = load_sound(song.audio)
        places = np.linspace(0, len(song.charts) - 1, sizes.charts + 2)[1:-1]
        for index in sorted({round(place) for place in places}):
            maker = Maker(generator, Against(song, index, sound), run)
            found += _chart_figures(maker)
        print(f"judged {song.name}", flush=True)
    return found


def _chart_figures(maker: Any) -> list[Figures]:
    """Figures of the samples of one held-out chart."""
    from mug.evaluation.listening import line_figures
    from mug.evaluation.sampled import as_sampled
    from mug.metrics.audio_blind import METRE, blind_f1
    from mug.metrics.matched_rows import rows_f1
    from mug.metrics.onsets import onset_times

    against = maker.against
    stars = against.stars
    rebuilt = rebuilding(maker)
    found = []
    for number, sampled in enumerate(as_sampled(maker, {"sr": stars})):
        rows, human = onset_times(sampled.notes), against.rows
        rng = np.random.default_rng([number, len(human)])
        metre = blind_f1(METRE, against.lines, human, stars=stars, count=len(rows), rng=rng)
        found.append(
            {
                **rebuilt,
                "raw": rows_f1(rows, human, TOLERANCE_MS),
                "quarters": quarters_f1(against, len(rows), rng),
                "metre": metre,
                "snapped": rows_f1(snapped(rows, against), human, TOLERANCE_MS),
                "rows": len(rows) / len(human),
                "matched": line_figures(sampled.lines, against)["f1_20_matched"],
                "metre matched": against.blind_matched[METRE],
            }
        )
    return found


def rebuilding(maker: Any) -> Figures:
    """Shares of a held-out chart that a first stage finds again, and its errors in ms."""
    from mug.metrics.reconstruction import reconstruction_score
    from mug.pipeline.beat import song_with_lines
    from mug.pipeline.decode import decode_latent, encode_notes

    human, model = maker.against.human, maker.generator.model
    song = song_with_lines(model, maker.song, human.red_lines)
    latent, _ = encode_notes(model, song, human.hit_objects)
    again = decode_latent(model, song, latent)
    score = reconstruction_score(again, human.hit_objects, TOLERANCE_MS)
    return {
        "starts": score.recall,
        "long notes": score.long_recall,
        "error ms": score.median_error_ms,
    }


def quarters_f1(against: Any, count: int, rng: np.random.Generator, draws: int = 20) -> float:
    """F1 of so many random quarters of a beat between the first and the last row; the mean."""
    from mug.metrics.matched_rows import rows_f1

    human = against.rows
    quarters = _quarters(against, float(human[0]), float(human[-1]))
    size = min(count, len(quarters))
    found = [
        rows_f1(np.sort(rng.choice(quarters, size, replace=False)), human, TOLERANCE_MS)
        for _ in range(draws)
    ]
    return float(np.mean(found))


def snapped(rows: np.ndarray, against: Any) -> np.ndarray:
    """Rows on the nearest quarters of the true beat, each once."""
    if not len(rows):
        return rows
    quarters = _quarters(against, float(rows[0]) - 2000.0, float(rows[-1]) + 2000.0)
    right = np.clip(np.searchsorted(quarters, rows), 1, len(quarters) - 1)
    left, later = quarters[right - 1], quarters[right]
    nearest: np.ndarray = np.unique(np.where(rows - left <= later - rows, left, later))
    return nearest


def _quarters(against: Any, first_ms: float, last_ms: float) -> np.ndarray:
    from mug.metrics.grid import Grid

    quarters: np.ndarray = Grid(against.human.red_lines).lines(first_ms, last_ms, 4)
    return quarters


def mean_figures(rows: Sequence[Mapping[str, float]]) -> Figures:
    """Mean of each figure over charts; those that are no number are left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: float(np.nanmean([row.get(name, np.nan) for row in rows], dtype=np.float64))
        for name in names
    }


def table(
    results: Mapping[str, Sequence[Figures]], columns: Mapping[str, str], command: str
) -> str:
    """Markdown: the command, and a row an arm with the mean over seeds and, in brackets, each.

    Args:
        results: figures of each seed, by arm.
        columns: head by figure.
        command: that makes the table.
    """
    lines = [f"```\n{command}\n```\n", "| | " + " | ".join(columns.values()) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name, seeds in results.items():
        cells = [_cell([seed.get(figure, np.nan) for seed in seeds]) for figure in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(values: Sequence[float]) -> str:
    if np.isnan(values).all():
        return "–"
    each = f" ({', '.join(f'{value:.3f}' for value in values)})" if len(values) > 1 else ""
    return f"{np.nanmean(values):.3f}{each}"


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:8]
