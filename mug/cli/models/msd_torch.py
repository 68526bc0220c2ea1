"""The model of mug/difficulty/msd_model.py in torch, batched and differentiable, for the fit."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from mug.difficulty.msd_features import GAPS
from mug.difficulty.msd_model import GOAL, JACK, LONG, NO_JACKS, NOTHING, OTHERS, RUNS

HIDDEN = 48


def box(x: Tensor, width: int) -> Tensor:
    """Mean over `width` neighbours along axis 1 of [batch, time, ...]; zeros beyond the ends."""
    flat = functional.pad(x.reshape(*x.shape[:2], -1), (0, 0, width // 2 + 1, width // 2)).cumsum(1)
    return ((flat[:, width:] - flat[:, :-width]) / width).reshape(x.shape)


def inputs(sums: Tensor) -> Tensor:
    """Inputs of a half second, from sums [batch, time, 2, channels]."""
    near = (3 * box(sums, 3) + sums) / 4
    own = [sums, near, box(sums, 9), box(sums[..., LONG], 33)]
    return torch.log1p(4 * torch.cat([*own, near.flip(2)], -1))


def level(difficulty: Tensor, points: Tensor, power: Tensor, goal: Tensor | float = GOAL) -> Tensor:
    """Levels [batch, q] that score the part `goal` of `points` [batch, n, q]."""
    every = goal * points.sum(1)
    with torch.no_grad():
        wanted = every.detach()
        d, order = difficulty.sort(1, descending=True)
        w = points.gather(1, order)
        hard = (w * d**-power).cumsum(1)
        easy = w.sum(1, keepdim=True) - w.cumsum(1)
        reached = easy + hard * d**power >= wanted[:, None]
        last = (reached.sum(1, keepdim=True) - 1).clamp(min=0)
        above = difficulty >= d.gather(1, last)
    # Given which notes are above, the level has a closed form; its gradient is the exact one.
    missing = (every - (points * ~above).sum(1)).clamp(min=1e-6)
    return (missing / (points * difficulty**-power * above).sum(1).clamp(min=1e-9)) ** (1 / power)


def _head(linear: nn.Linear, scale: float, bias: float) -> nn.Linear:
    with torch.no_grad():
        linear.weight.mul_(scale)
        linear.bias.fill_(bias)
    return linear


class MsdModel(nn.Module):
    """Names of the parameters are those of the coefficients file.

    Args:
        features: width of `inputs`.
        noise: standard deviation of what is added to them in the fit, in theirs.
    """

    mu: Tensor
    sd: Tensor

    def __init__(self, features: int, noise: float = 0.0) -> None:
        super().__init__()
        self.noise = noise
        summary = 7 + 2 + HIDDEN
        self.register_buffer("mu", torch.zeros(features))
        self.register_buffer("sd", torch.ones(features))
        self.l1, self.l2 = nn.Linear(features, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.l3 = _head(nn.Linear(HIDDEN, 12), 0.2, 0.0)
        with torch.no_grad():
            self.l3.bias[:6] = 2.5
        self.j1, self.j2 = nn.Linear(GAPS, 24), nn.Linear(24, 16)
        self.j3 = _head(nn.Linear(16, 1), 1.0, 2.3)
        self.p = nn.Parameter(torch.full((7,), 0.6))
        with torch.no_grad():
            self.p[6] = 1.1
        self.goal = nn.Parameter(torch.tensor(math.log(0.029)))
        self.mix = nn.Parameter(torch.tensor(-1.0))
        self.c1, self.c2 = nn.Linear(summary, 24), _head(nn.Linear(24, 6), 0.1, 0.0)
        self.r1, self.r2 = nn.Linear(summary + 24, 24), _head(nn.Linear(24, 5), 0.1, 2.0)
        self.pen = nn.Parameter(torch.tensor([math.log(19.0), 1.2, 2.5]))
        self.kap = nn.Parameter(torch.tensor(4.0))

    def forward(
        self,
        sums: Tensor,
        counted: Tensor,
        notes: tuple[Tensor, Tensor, Tensor],
        seconds: Tensor,
        count: Tensor,
    ) -> Tensor:
        """Values [batch, 8] without the cap, of the charts as they are, not of a mirror image.

        Args:
            sums: [batch, time, 2, channels], zero where a chart is over.
            counted: [batch, time, 2], the part of the notes that counts for jackspeed.
            notes: logarithmic speeds [batch, notes, gaps], which of them are there, and the
                latest notes of both columns [batch, rows, 2] in a hand's rows: 0 for padding, 1
                where there is none, 2 for the first.
            seconds: from the first note to the last.
            count: notes of each chart.
        """
        n = sums[..., 0]
        live = n > 0
        x = (inputs(sums)[live] - self.mu) / self.sd
        if self.training and self.noise:
            x = x + self.noise * torch.randn_like(x)
        hidden = functional.silu(self.l2(functional.silu(self.l1(x))))
        out = self.l3(hidden)
        difficulty = n.new_full((*n.shape, 6), 1e-3)
        difficulty[live] = torch.exp(out[:, :6].clamp(-3, 5))
        points = n.new_zeros((*n.shape, 6))
        points[live] = n[live][:, None] * torch.exp(2 * torch.tanh(out[:, 6:] / 2))
        power = torch.exp(self.p)
        every = [*range(6), JACK]
        some = torch.cat([points, points[..., [JACK]] * counted[..., None]], -1)
        levels = level(difficulty[..., every].flatten(1, 2), some.flatten(1, 2), power[every])
        jacks = self.jacks(notes)
        part = torch.sigmoid(self.mix)
        pooled = n.new_zeros((*n.shape, HIDDEN))
        pooled[live] = hidden * n[live][:, None]
        mean = pooled.sum((1, 2)) / n.sum((1, 2))[:, None]
        levels, view = levels[:, :6], torch.stack([levels[:, 6], jacks[:, 1]], -1)
        logs = torch.log(torch.cat([levels, jacks[:, :1]], -1))
        size = torch.stack([torch.log(seconds / 60 + 0.05), torch.log(count / 500)], -1)
        summary = torch.cat([logs - 2.5, size, mean], -1)
        base = logs[:, :6].clone()
        base[:, JACK] = part * torch.log(view[:, 0]) + (1 - part) * torch.log(view[:, 1])
        base = base + self.brevity(seconds)[:, None]
        skills = torch.exp(base + self.c2(functional.silu(self.c1(summary))))
        none = torch.zeros_like(skills, dtype=torch.bool)
        none[:, JACK] = ~(notes[2][..., 0] > 1).any(1)
        skills = torch.where(none, NO_JACKS, skills)
        runs = torch.cat([summary.detach(), _runs(difficulty, n, levels.detach())], -1)
        return _combine(skills, torch.sigmoid(self.r2(functional.silu(self.r1(runs)))), self.kap)

    def brevity(self, seconds: Tensor) -> Tensor:
        """Logarithm of what charts of a few seconds are marked down by, [batch]."""
        sharp = torch.exp(self.pen[2])
        late = functional.softplus(sharp * (self.pen[0] - torch.log(seconds))) / sharp
        return -late * self.pen[1]

    def jacks(self, notes: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Jackspeed row by row, [batch, 2]: of all rows, and of those that count.

        Args:
            notes: as for `forward`.
        """
        power = torch.exp(self.p[[6, 6]])
        speeds, there, rows = notes
        by_note = speeds.new_full(there.shape, NOTHING)
        hidden = functional.silu(self.j2(functional.silu(self.j1(speeds[there]))))
        by_note[there] = torch.exp(self.j3(hidden).clamp(-3, 5))[:, 0]
        padded = functional.pad(by_note, (2, 0), value=NOTHING)
        latest = padded.gather(1, rows.flatten(1)).reshape(rows.shape)
        difficulty = latest.amax(-1)[..., None]
        points = torch.stack([rows[..., 0] > 0, rows[..., 0] > 1], -1).float()
        return level(difficulty.expand_as(points), points, power, 1 - torch.exp(self.goal))


def _runs(difficulty: Tensor, notes: Tensor, levels: Tensor) -> Tensor:
    total = (difficulty * notes[..., None]).sum(2) / (notes.sum(2)[..., None] + 1e-3)
    relative = (total / levels[:, None]).clamp(0, 2)
    peaks = [box(relative, width).amax(1) for width in RUNS]
    place = torch.arange(1, notes.shape[1] + 1)
    length = ((notes.sum(2) > 0) * place).amax(1, keepdim=True)  # the batch is padded, a chart not
    return torch.log(0.05 + torch.cat([*peaks, relative.sum(1) / length], -1))


def _combine(skills: Tensor, endurance: Tensor, fade: Tensor) -> Tensor:
    jack, others = skills[:, JACK], skills[:, OTHERS]
    best = others.amax(-1)
    share = torch.softmax(torch.log(others) * 25, -1)
    fading = torch.exp(-fade * functional.relu(torch.log(jack / best)))
    stamina = torch.maximum(0.592 * jack, best * (share * endurance).sum(-1) * fading)
    seven = torch.cat([skills, stamina[:, None]], -1)
    top = seven.amax(-1)
    near = torch.logsumexp((seven / top[:, None] - 1) / 0.03631, -1) * 0.03631 * top - 0.2775
    s, js, hs, jack, cj, tech = skills.unbind(-1)
    return torch.stack([top + functional.relu(near), s, js, hs, stamina, jack, cj, tech], -1)
