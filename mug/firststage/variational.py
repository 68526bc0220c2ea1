"""The variational autoencoder between notes and latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mug.firststage.distribution import DiagonalGaussian
from mug.firststage.networks import Decoder, Encoder
from mug.model.weights import load_weights
from mug.util import check_params, instantiate_from_config


class VariationalAutoencoder(nn.Module):
    """Encoder and decoder, without a trainer.

    What only training reads of its arguments is kept for the class that trains it,
    `mug.firststage.autoencoder.AutoencoderKL`, so that both are built from the same config.

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
            # The logarithm of a variance is twice that of the deviation.
            self.log_var = nn.Parameter(2 * torch.tensor(float(constant_var)).log())
        self.kl_weight, self.scale, self.monitor = kl_weight, scale, monitor
        self.note_key, self.valid_key = note_key, valid_key
        self.learning_rate, self.scheduler_config, self.seed = learning_rate, scheduler_config, seed
        self.downsampling = self.encoder.patch * 2 ** (len(self.encoder.down) - 1)
        self.trained = False
        # Diffusion refuses to train on a first stage with random weights; whoever loads them marks
        # it.
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
        # The decoder was trained on unscaled latents; the factor is diffusion's alone.
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


def _mark_trained(module: nn.Module, result: Any) -> None:
    """After weights were loaded, from any file and as a part of any model."""
    # Missing keys carry the prefix of whatever model holds this one.
    absent = {key.rpartition("first_stage_model.")[2] for key in result.missing_keys}
    if isinstance(module, VariationalAutoencoder) and absent.isdisjoint(module.state_dict()):
        module.trained = True
