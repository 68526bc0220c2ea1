"""The line encoder: levels for the U-Net, near beats alone, rows that are given or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mug.cond.lines import CHANNELS, LineEncoder
from mug.diffusion.unet import AttentionOptions, UNetBlockOptions, UNetModel
from mug.errors import ConfigError

LINES, FEATURES = 12, 34
LEVELS = (8, 8, 16, 16)
REACH = (8, 16, 32, 64)  # beats to either side that a level can see


def encoder(seed: int = 0) -> LineEncoder:
    torch.manual_seed(seed)
    return LineEncoder(LEVELS, width=16, line_width=4).requires_grad_(requires_grad=False)


def beats(frames: int, batch: int = 1, *, known: bool = True) -> Tensor:
    found = torch.randn(batch, CHANNELS, frames, generator=torch.Generator().manual_seed(frames))
    found[:, -13:-1] = (found[:, -13:-1] > 0).float()
    found[:, -1] = float(known)
    return found


def test_levels_halve_and_fit_the_unet() -> None:
    levels = encoder()(beats(16, 2))
    assert [tuple(level.shape) for level in levels] == [
        (2, 8, 16),
        (2, 8, 8),
        (2, 16, 4),
        (2, 16, 2),
    ]
    block = UNetBlockOptions(num_groups=4)
    attention = AttentionOptions(num_heads=2)
    unet = UNetModel(4, 8, 4, 1, [], LEVELS, (1, 1, 2, 2), attention=attention, block=block)
    x = torch.zeros(2, 4, 16)
    assert unet(x, torch.zeros(2), None, *levels).shape == x.shape


def test_channels_count_the_lines_the_position_and_the_rows() -> None:
    assert CHANNELS == LINES * FEATURES + 4 + 1 + LINES + 1


def test_last_layers_start_near_nothing_and_learn_at_once() -> None:
    made = LineEncoder(LEVELS)
    levels = made(beats(16))
    assert all(0 < level.std() < 0.15 for level in levels)
    sum(level.square().sum() for level in levels).backward()  # type: ignore[union-attr]
    for parameter in made.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_a_beat_depends_on_near_beats_alone() -> None:
    made, given = encoder(), beats(128)
    other = given.clone()
    other[..., :16] += 1
    for level, (here, there) in enumerate(zip(made(given), made(other), strict=True)):
        changed = (here != there).any(dim=1)[0]
        assert changed[: 16 >> level].all()
        assert not changed[(16 + REACH[level]) >> level :].any()


def test_windows_far_from_their_ends_have_the_numbers_of_the_whole() -> None:
    made, given = encoder(), beats(176)
    whole, part = made(given), made(given[..., 16:160])
    for level, (all_beats, window) in enumerate(zip(whole, part, strict=True)):
        first, margin = 16 >> level, REACH[level] >> level
        inside = slice(margin, window.shape[-1] - margin)
        expected = all_beats[..., first + inside.start : first + inside.stop]
        torch.testing.assert_close(window[..., inside], expected, rtol=1e-5, atol=1e-6)


def test_rows_that_are_not_known_count_as_none() -> None:
    made, given = encoder(), beats(16, known=False)
    nothing = given.clone()
    nothing[:, -13:] = 0
    known = given.clone()
    known[:, -1] = 1
    for one, none, told in zip(made(given), made(nothing), made(known), strict=True):
        assert torch.equal(one, none)
        assert not torch.equal(one, told)


def test_known_and_empty_is_not_the_same_as_unknown() -> None:
    made, given = encoder(), beats(16)
    given[:, -13:-1] = 0
    unknown = given.clone()
    unknown[:, -1] = 0
    assert not torch.equal(made(given)[0], made(unknown)[0])


@pytest.mark.parametrize("line", [0, 5, 11])
def test_every_feature_and_row_of_a_line_reaches_its_beat(line: int) -> None:
    made, given = encoder(), beats(16)
    for channel in (line * FEATURES, line * FEATURES + FEATURES - 1, LINES * FEATURES + 5 + line):
        other = given.clone()
        other[:, channel, 7] = 1 - other[:, channel, 7]
        assert not torch.equal(made(given)[0][..., 7], made(other)[0][..., 7])


def test_lines_follow_each_other_across_beats() -> None:
    """The last line of a beat and the first of the next are neighbours of the same convolution."""
    seen: list[Tensor] = []
    made = encoder()
    made.conv_line.register_forward_hook(lambda _module, args, _out: seen.append(args[0]))
    given = torch.zeros(1, CHANNELS, 8)
    given[0, 11 * FEATURES + 3, 2] = 1
    given[0, 3, 3] = 2
    made(given)
    assert seen[0][0, 3].nonzero().flatten().tolist() == [2 * LINES + 11, 3 * LINES]


def test_items_of_a_batch_do_not_mix() -> None:
    made, given = encoder(), beats(16, 3)
    for item in range(3):
        for whole, alone in zip(made(given), made(given[item : item + 1]), strict=True):
            torch.testing.assert_close(whole[item], alone[0], rtol=1e-5, atol=1e-6)


def test_weights_are_saved_and_loaded(tmp_path: Path) -> None:
    made, other = encoder(0), encoder(1)
    torch.save(made.state_dict(), tmp_path / "lines.pt")
    other.load_state_dict(torch.load(tmp_path / "lines.pt", weights_only=True))
    assert all(torch.equal(a, b) for a, b in zip(made(beats(8)), other(beats(8)), strict=True))


@pytest.mark.parametrize(
    "wrong",
    [{"lines": 0}, {"line_features": 0}, {"line_width": 0}, {"width": 0}, {"blocks": 0}],
)
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        LineEncoder(LEVELS, **wrong)


def test_no_level_is_refused() -> None:
    with pytest.raises(ConfigError, match="levels"):
        LineEncoder(())


def test_fewer_channels_than_lines_and_rows_take_are_refused() -> None:
    LineEncoder(LEVELS, channels=421)  # no position
    with pytest.raises(ConfigError, match="421"):
        LineEncoder(LEVELS, channels=420)
