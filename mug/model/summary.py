"""A network's layers, shapes and parameter counts as a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

COLUMNS = ("input_size", "output_size", "kernel_size", "num_params", "mult_adds")


def summary(
    model: nn.Module,
    input_data: Tensor | Sequence[Tensor],
    col_names: Sequence[str] = ("output_size", "num_params"),
    depth: int = 3,
    write: Callable[[str], object] | None = None,
) -> Any:
    """Run the network once and write the table of its layers.

    The network stays on its device, in its modes and with its random state. Rows come from the
    package torch-summary, whose totals miss what composite layers hold themselves (tables of
    relative positions, state-space parameters); the totals here are the network's. Mult-adds are
    those of convolutions and linear layers alone.

    Args:
        model: the network, on the device of its parameters.
        input_data: the arguments of one call, batch axis included.
        col_names: which of `COLUMNS` to show.
        depth: levels of nesting to show.
        write: takes the text; standard output unless given.

    Returns:
        The package's statistics object, with `total_params` and `trainable_params` corrected.

    Raises:
        ValueError: for a column that does not exist.
    """
    from torchsummary import summary as layers_of

    first = next(model.parameters(), None)
    device = torch.device("cpu") if first is None else first.device
    modes = [(module, module.training) for module in model.modules()]
    # The call may draw dropout; the caller's random numbers go on as if there had been none.
    with torch.random.fork_rng():
        try:
            statistics = layers_of(
                model,
                input_data if isinstance(input_data, Tensor) else list(input_data),
                batch_dim=None,
                col_names=tuple(col_names),
                depth=depth,
                device=device,
                verbose=0,
            )
        finally:
            for module, training in modes:
                module.training = training
    statistics.total_params = sum(p.numel() for p in model.parameters())
    statistics.trainable_params = sum(p.numel() for p in model.parameters() if p.requires_grad)
    (write or sys.stdout.write)(f"{statistics}\n")
    return statistics
