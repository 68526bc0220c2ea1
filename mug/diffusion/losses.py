"""Element-wise training losses of the denoiser."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from mug.errors import ConfigError
from mug.util import nearest

LOSS_TYPES = ("l1", "l2", "smooth_l1")


def check_loss_type(name: str) -> str:
    """The name itself.

    Raises:
        ConfigError: unless it is l1, l2 or smooth_l1.
    """
    if name not in LOSS_TYPES:
        raise ConfigError("model.unknown_loss_type", value=name, remedy=nearest(name, LOSS_TYPES))
    return name


def elementwise_loss(
    kind: str, prediction: Float[Tensor, "*s"], target: Float[Tensor, "*s"]
) -> Float[Tensor, "*s"]:
    """Loss of each element.

    `smooth_l1` has its bend at 0.02 and a constant 0.01 on top, so that it equals l1 outside the
    bend (and never falls below 0.01): the reference's values, which its published losses are in.
    """
    check_loss_type(kind)
    if kind == "l1":
        return (prediction - target).abs()
    if kind == "l2":
        return (prediction - target).square()
    # The bend makes it |d| - 0.01 outside; the constant brings it back to |d| (B12).
    return smooth_l1_loss(prediction, target, beta=0.02, reduction="none") + 0.01


def per_sample_mean(
    loss: Float[Tensor, "b ..."], mask: Float[Tensor, "b ..."] | None = None
) -> Float[Tensor, "b"]:
    """Mean over everything but the batch axis; over the masked-in part where a mask is given."""
    if mask is None:
        return loss.flatten(1).mean(1)
    weight = mask.expand_as(loss).flatten(1)
    # At least 1: an item without a chart in the crop has no loss, and must not divide by zero.
    return (loss.flatten(1) * weight).sum(1) / weight.sum(1).clamp(min=1)
