"""The variational autoencoder between notes and latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mug.firststage.distribution import DiagonalGaussian
from mug.firststage.networks import Decoder, Encoder
from mug.util import check_params, instantiate_from_config


class VariationalAutoencoder(nn.Module):
    """Encoder and decoder, without a trainer.

    Args:
        ddconfig: arguments of `Encoder` and `Decoder`.
        lossconfig: target and params of the loss, called as `loss(notes, reconstruction, valid)`.
        scale: factor between the encoder's means and the latents handed out.
        constant_var: one learnable standard deviation for all latents, starting here, instead of
            one that the encoder gives for each value.

    Source: Kingma and Welling 2014; reference facts, section 5.
    """

    def __init__(
        self,
        ddconfig: Mapping[str, Any],
        lossconfig: Mapping[str, Any],
        scale: float = 1.0,
        constant_var: float | None = None,
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
        self.scale = scale
        self.downsampling = self.encoder.patch * 2 ** (len(self.encoder.down) - 1)
        self.trained = False
        # Diffusion refuses to train on a first stage with random weights; whoever loads them marks
        # it.
        self.register_load_state_dict_post_hook(_mark_trained)  # type: ignore[no-untyped-call]

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
