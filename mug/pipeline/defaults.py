"""Defaults of sampling.

Adams steps along the angle, 12 of them, are 12 network evaluations. Their distance from the
1000-step result is about four fifths of that of the original's 100 steps of DDIM.
docs/performance.md, "Solvers".
"""

SAMPLER = "angular"
STEPS = 12
GUIDANCE_SCALE = 5.0

WINDOW_S = 380.0
"""Longer songs are made in windows of this length in seconds: twice what the full model sees in
training."""
