"""The variational autoencoder between notes and latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mug.errors import TrainingError
from mug.firststage.distribution import DiagonalGaussian
from mug.firststage.networks import Decoder, Encoder
from mug.model.randomness import row_generators
from mug.model.weights import load_weights
from mug.util import check_params, instantiate_from_config


class AutoencoderKL(pl.LightningModule):
    """Encoder, decoder, and how they are trained.

    Args:
        ddconfig: arguments of `Encoder` and `Decoder`.
        lossconfig: target and params of the loss, called as `loss(notes, reconstruction, valid)`.
        kl_weight: weight of the posterior's divergence, relative to a mean over all values.
        ckpt_path: weights to start from.
        ignore_keys: names to leave out of them.
        monitor: metric that decides about checkpoints and the learning rate.
        scale: factor between the encoder's means and the latents handed out.
        constant_var: one learnable standard deviation for all latents, starting here, instead of
            one that the encoder gives for each value.
        note_key: name of the notes in a batch.
        valid_key: name of the mask of the chart's frames in a batch.
        learning_rate: of Adam; the trainer sets it from `base_learning_rate`.
        scheduler_config: learning-rate factors by step, instead of lowering it on a plateau.
        seed: of the posterior's noise in training.

    Source: Kingma and Welling 2014; reference facts, section 5.
    """

    def __init__(  # noqa: PLR0913 (its arguments are the keys of the YAML file)
        self,
        ddconfig: Mapping[str, Any],
        lossconfig: Mapping[str, Any],
        kl_weight: float = 1e-6,
        ckpt_path: str | None = None,
        ignore_keys: Sequence[str] = (),
        monitor: str = "val/loss",
        scale: float = 1.0,
        constant_var: float | None = None,
        *,
        note_key: str = "note",
        valid_key: str = "valid",
        learning_rate: float | None = None,
        scheduler_config: Mapping[str, Any] | None = None,
        seed: int = 23,
    ) -> None:
        super().__init__()
        check_params(Encoder, ddconfig, "ddconfig")
        self.encoder = Encoder(**ddconfig)
        self.decoder = Decoder(**ddconfig)
        self.loss = instantiate_from_config(lossconfig)
        self.log_var: nn.Parameter | None = None
        if constant_var is not None:
            self.log_var = nn.Parameter(2 * torch.tensor(float(constant_var)).log())
        self.kl_weight, self.scale, self.monitor = kl_weight, scale, monitor
        self.note_key, self.valid_key = note_key, valid_key
        self.learning_rate, self.scheduler_config, self.seed = learning_rate, scheduler_config, seed
        self.downsampling = self.encoder.patch * 2 ** (len(self.encoder.down) - 1)
        self.trained = False
        self.register_load_state_dict_post_hook(_mark_trained)  # type: ignore[no-untyped-call]
        if ckpt_path is not None:
            load_weights(self, ckpt_path, ignore_keys)

    def encode(self, x: Float[Tensor, "b c t"]) -> DiagonalGaussian:
        """Posterior of the latents of notes; `t` is a multiple of `downsampling`."""
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        if self.log_var is not None:
            logvar = self.log_var.expand_as(mean)
        return DiagonalGaussian(mean, logvar, self.scale)

    def decode(self, z: Float[Tensor, "b z t_latent"]) -> Float[Tensor, "b c t"]:
        """Logits of starts and holds, and offsets, of latents."""
        logits: Tensor = self.decoder(z / self.scale)
        return logits

    def forward(
        self,
        x: Float[Tensor, "b c t"],
        *,
        sample_posterior: bool = False,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
    ) -> tuple[Float[Tensor, "b c t"], DiagonalGaussian]:
        """Reconstruction by way of the posterior's mode, or of a sample of it."""
        posterior = self.encode(x)
        z = posterior.sample(generator) if sample_posterior else posterior.mode()
        return self.decode(z), posterior

    def step(
        self,
        batch: Mapping[str, Any],
        prefix: str,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """Loss of a batch, and what to log, named `prefix/...`; noise only with a generator."""
        notes = batch[self.note_key]
        valid = batch.get(self.valid_key)
        if valid is None:
            valid = torch.ones_like(notes[:, 0])
        reconstruction, posterior = self(
            notes, sample_posterior=generator is not None, generator=generator
        )
        loss, parts = self.loss(notes, reconstruction, valid)
        kl = posterior.kl()
        with torch.no_grad():
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
        processes = 1 if self._trainer is None else self.trainer.world_size
        key = (self.seed, self.global_step, batch_idx)
        rows = len(batch[self.note_key])
        generators = row_generators(rows, self.global_rank, processes, *key)
        loss, parts = self.step(batch, "train", generators)
        self._log(loss, parts, "train", len(batch[self.note_key]))
        return loss

    def validation_step(self, batch: Mapping[str, Any], batch_idx: int) -> Tensor:
        """Loss through the posterior's mode."""
        loss, parts = self.step(batch, "val")
        self._log(loss, parts, "val", len(batch[self.note_key]))
        return loss

    def test_step(self, batch: Mapping[str, Any], batch_idx: int) -> Tensor:
        """As in validation."""
        loss, parts = self.step(batch, "test")
        self._log(loss, parts, "test", len(batch[self.note_key]))
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
                "no learning rate", remedy="Give the model's base_learning_rate in the config"
            )
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
            "monitor": self.monitor,
            "strict": False,
            "frequency": every or 1,
        }
        return {"optimizer": optimizer, "lr_scheduler": watched}


def _mark_trained(module: nn.Module, result: Any) -> None:
    """After weights were loaded, from any file and as a part of any model."""
    absent = {key.rpartition("first_stage_model.")[2] for key in result.missing_keys}
    if isinstance(module, AutoencoderKL) and absent.isdisjoint(module.state_dict()):
        module.trained = True
