"""Training of the first stage: the class that configs name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor

from mug.errors import TrainingError
from mug.firststage.variational import VariationalAutoencoder
from mug.model.randomness import row_generators
from mug.model.weights import load_weights
from mug.util import instantiate_from_config


@dataclass(frozen=True)
class AutoencoderOptimizer:
    """Adam and its learning rate.

    Args:
        learning_rate: the trainer sets it from `base_learning_rate`.
        scheduler_config: target and params of the learning-rate factors by step, instead of
            lowering the rate on a plateau.
    """

    learning_rate: float | None = None
    scheduler_config: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class AutoencoderTraining:
    """Course of a training run.

    Args:
        seed: of the posterior's noise.
        monitor: metric that decides about checkpoints and the learning rate.
        ignore_keys: names to leave out of `ckpt_path`, see `mug.model.weights.selects`.
    """

    seed: int = 23
    monitor: str = "val/loss"
    ignore_keys: Sequence[str] = ()


@dataclass(frozen=True)
class NoteKeys:
    """Names in a batch.

    Args:
        note_key: the notes.
        valid_key: the mask of the chart's frames.
    """

    note_key: str = "note"
    valid_key: str = "valid"


class AutoencoderKL(VariationalAutoencoder, pl.LightningModule):
    """The autoencoder in training: its steps, what they log, its optimizer.

    Making charts needs no trainer: whoever builds a model for that builds `VariationalAutoencoder`
    in its place, which has the same networks under the same names.

    Args:
        ddconfig: arguments of `Encoder` and `Decoder`.
        lossconfig: target and params of the loss, called as `loss(notes, reconstruction, valid)`.
        kl_weight: weight of the posterior's divergence, relative to a mean over all values.
        ckpt_path: weights to start from.
        scale: factor between the encoder's means and the latents handed out.
        constant_var: one learnable standard deviation, see `VariationalAutoencoder`.
        optimizer: Adam's learning rate.
        training: course of the run.
        batch_keys: names in a batch.

    Source: Kingma and Welling 2014; reference facts, section 5.
    """

    def __init__(  # noqa: PLR0913 (its arguments are the keys of the YAML file)
        self,
        ddconfig: Mapping[str, Any],
        lossconfig: Mapping[str, Any],
        kl_weight: float = 1e-6,
        ckpt_path: str | None = None,
        scale: float = 1.0,
        constant_var: float | None = None,
        *,
        optimizer: AutoencoderOptimizer | None = None,
        training: AutoencoderTraining | None = None,
        batch_keys: NoteKeys | None = None,
    ) -> None:
        super().__init__(ddconfig, lossconfig, scale, constant_var)
        self.kl_weight, self.keys = kl_weight, batch_keys or NoteKeys()
        self.training_options = training or AutoencoderTraining()
        optimizer = optimizer or AutoencoderOptimizer()
        self.learning_rate = optimizer.learning_rate
        self.scheduler_config = optimizer.scheduler_config
        if ckpt_path is not None:
            load_weights(self, ckpt_path, self.training_options.ignore_keys)

    def step(
        self,
        batch: Mapping[str, Any],
        prefix: str,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """Loss of a batch, and what to log, named `prefix/...`; noise only with a generator."""
        notes = batch[self.keys.note_key]
        valid = batch.get(self.keys.valid_key)
        if valid is None:
            # The original's batches have no mask: all frames count.
            valid = torch.ones_like(notes[:, 0])
        reconstruction, posterior = self(
            notes, sample_posterior=generator is not None, generator=generator
        )
        loss, parts = self.loss(notes, reconstruction, valid)
        kl = posterior.kl()
        with torch.no_grad():
            # Statistics of the means: with sampling noise they would not show a collapsed latent.
            z = posterior.mode()
            parts = {
                **parts,
                "kl_loss": kl,
                "kl_var": posterior.std.mean(),
                "z_std": z.std(),
                "z_mean": z.mean(),
            }
        total = loss + self.kl_weight * kl
        return total, {f"{prefix}/{name}": value.detach() for name, value in parts.items()}

    def training_step(self, batch: Mapping[str, Any], batch_idx: int) -> Tensor:
        """Loss through a sample of the posterior."""
        # Generators by seed, step and row: the noise of an item depends neither on the number of
        # processes nor on where a run was resumed.
        processes = 1 if self._trainer is None else self.trainer.world_size
        key = (self.training_options.seed, self.global_step, batch_idx)
        rows = len(batch[self.keys.note_key])
        generators = row_generators(rows, self.global_rank, processes, *key)
        loss, parts = self.step(batch, "train", generators)
        self._log(loss, parts, "train", len(batch[self.keys.note_key]))
        return loss

    def validation_step(self, batch: Mapping[str, Any], batch_idx: int) -> Tensor:
        """Loss through the posterior's mode."""
        loss, parts = self.step(batch, "val")
        self._log(loss, parts, "val", len(batch[self.keys.note_key]))
        return loss

    def test_step(self, batch: Mapping[str, Any], batch_idx: int) -> Tensor:
        """As in validation."""
        loss, parts = self.step(batch, "test")
        self._log(loss, parts, "test", len(batch[self.keys.note_key]))
        return loss

    def _log(self, loss: Tensor, parts: Mapping[str, Tensor], prefix: str, size: int) -> None:
        how: dict[str, Any] = {"batch_size": size, "sync_dist": True}
        self.log_dict(dict(parts), **how)
        self.log(f"{prefix}/loss", loss.detach(), prog_bar=True, **how)

    def on_train_end(self) -> None:
        """Remembers that the weights are no longer random."""
        self.trained = True

    def configure_optimizers(self) -> Any:
        """Adam over each parameter once; the rate falls on a plateau, or as `scheduler_config`.

        Raises:
            TrainingError: without a learning rate.
        """
        if self.learning_rate is None:
            raise TrainingError(
                "model.no_learning_rate", remedy="remedy.give_model_base_learning_rate_in_config"
            )
        # Each parameter once; the original listed all of them twice, which doubled the rate (B31).
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate)
        if self.scheduler_config is not None:
            schedule = instantiate_from_config(self.scheduler_config)
            by_step = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: schedule(n))
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": by_step, "interval": "step"},
            }
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min")
        # Lightning looks at the end of every epoch; there is a metric after validation only.
        every = 1 if self._trainer is None else self.trainer.check_val_every_n_epoch
        watched = {
            "scheduler": plateau,
            "monitor": self.training_options.monitor,
            "strict": False,
            "frequency": every or 1,
        }
        return {"optimizer": optimizer, "lr_scheduler": watched}


if __name__ == "__main__":  # the table of its layers; of the full model unless a config is given
    import sys

    from mug.config import load_config
    from mug.model.summary import summary
    from mug.util import find_file, instantiate_from_config

    model = load_config(sys.argv[1:] or [find_file("configs/mug/mug_diffusion.yaml")])["model"]
    node = model["params"]["first_stage_config"]
    node["params"]["ckpt_path"] = None
    first_stage = instantiate_from_config(node)
    frames = model["params"]["latent"]["z_length"] * first_stage.downsampling
    notes = torch.zeros(1, node["params"]["ddconfig"]["x_channels"], frames)
    summary(first_stage.eval(), notes)
