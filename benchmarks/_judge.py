"""Judge a model on the charts of a song that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mug.beatmap.formats.osu import chart as osu
from mug.encoding.convertor import ManiaConvertor
from mug.metrics.onsets import onset_score, onset_times, random_chart
from mug.metrics.reconstruction import pooled, reconstruction_score
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.chart import FinishOptions
from mug.pipeline.make import make
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.request import GenerationRequest
from mug.render.chart_image import render_chart

RANDOM_CHARTS = 20


def judge_first_stage(model: LoadedModel, validation: Any) -> dict[str, float]:
    """Reconstruction of the held-out charts by encoder and decoder, object by object."""
    scores = []
    for index in range(len(validation)):
        item = validation[index]
        note = item["note"]
        convertor = ManiaConvertor(model.clock, note.shape[0] // 4, note.shape[1])
        with torch.inference_mode():
            first_stage: Any = model.ddpm.model.first_stage_model
            logits = first_stage.decode(first_stage.encode(torch.as_tensor(note)[None]).mode())
        rebuilt = convertor.decode(logits[0].numpy(), from_logits=True)
        scores.append(reconstruction_score(rebuilt, convertor.decode(np.asarray(note))))
    total = pooled(scores)
    return {
        "objects": total.original,
        "long_notes": total.long_original,
        "precision": total.precision,
        "recall": total.recall,
        "long_recall": total.long_recall,
        "median_error_ms": total.median_error_ms,
    }


def judge_loss(model: LoadedModel, validation: Any, repeats: int = 8) -> dict[str, float]:
    """Validation loss against that of a network that always answers zero, same noise and steps."""
    ddpm = model.ddpm
    ours: list[float] = []
    zero: list[float] = []
    for index in range(len(validation)):
        item = {k: v for k, v in validation[index].items() if k != "meta"}
        batch = torch.utils.data.default_collate([item])
        with torch.inference_mode():
            target, condition = ddpm.denoising.encode(batch), ddpm.denoising.condition_of(batch)
            for repeat in range(repeats):
                generator = torch.Generator().manual_seed(1000 * index + repeat)
                step, noise = ddpm.denoising.draw(target, generator)
                losses = ddpm.denoising.p_losses(target, condition, step, noise)
                ours.append(float(losses.parts["loss_simple"]))
                silent = ddpm.denoising.objective.losses(
                    torch.zeros_like(noise), target, step, noise
                )
                zero.append(float(silent.parts["loss_simple"]))
    return {"validation": float(np.mean(ours)), "of_zero": float(np.mean(zero))}


def judge_charts(
    model: LoadedModel, validation: Any, out: Path, *, steps: int, guidance_scale: float
) -> list[dict[str, Any]]:
    """One generated chart for each human chart, at its star rating and share of long notes."""
    rng = np.random.default_rng(0)
    rows = []
    generator = ChartGenerator(model)
    for index in range(len(validation)):
        meta = validation[index]["meta"]
        human = osu.read(Path(meta["path"]))
        row = validation.collection.rows([Path(meta["path"])])[0]
        prompt = {key: row[key] for key in ("sr", "ln_ratio")}
        request = GenerationRequest(
            audio=Path(meta["audio_path"]),
            prompt=prompt,
            steps=steps,
            guidance_scale=guidance_scale,
            finish=FinishOptions(title=human.title, artist=human.artist),
        )
        result = make(generator, request).result
        made = result.beatmaps[0]
        onsets = max(1, len(onset_times(made.hit_objects)))
        chance = [
            onset_score(random_chart(human, onsets, rng).hit_objects, human.hit_objects)
            for _ in range(RANDOM_CHARTS)
        ]
        rows.append(
            {
                "difficulty": human.version,
                "asked": prompt,
                "human_notes": len(human.hit_objects),
                "notes": len(made.hit_objects),
                "f1_raw": onset_score(result.raw[0], human.hit_objects).f1,
                "f1": onset_score(made.hit_objects, human.hit_objects).f1,
                "f1_random": float(np.mean([score.f1 for score in chance])),
            }
        )
        render_chart(made, out / f"chart_{index}_generated.png")
        render_chart(human, out / f"chart_{index}_human.png")
    return rows


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    stage, loss = results["first_stage"], results["loss"]
    minutes = {name: seconds / 60 for name, seconds in results["seconds"].items()}
    lines = [
        f"Held out: {results['held_out']}. {results['parameters']:,} parameters; first stage"
        f" trained {minutes['first stage']:.0f} min, diffusion {minutes['diffusion']:.0f} min.",
        "",
        "| first stage, held-out song | value | goal |",
        "|---|---|---|",
        f"| start precision | {stage['precision']:.4f} | ≥ 0.99 |",
        f"| start recall | {stage['recall']:.4f} | ≥ 0.99 |",
        f"| long-note recall ({stage['long_notes']} long notes) | {stage['long_recall']:.4f}"
        " | ≥ 0.95 |",
        f"| median time error | {stage['median_error_ms']:.2f} ms | ≤ 2 ms |",
        "",
        f"Diffusion validation loss {loss['validation']:.4f}; of predicting zero"
        f" {loss['of_zero']:.4f}.",
        "",
        "| human chart | notes human / made | F1 ±50 ms raw | snapped | random, same density |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['difficulty']} ({row['asked']['sr']:.2f}*) | {row['human_notes']} / {row['notes']}"
        f" | {row['f1_raw']:.3f} | {row['f1']:.3f} | {row['f1_random']:.3f} |"
        for row in results["charts"]
    ]
    return "\n".join(lines) + "\n"
