"""How charts are sampled unless asked otherwise.

Of all samplers, spacings and numbers of steps this takes the fewest network evaluations (one more
than its steps) for a distance from the 1000-step result that is no larger than that of 100 steps of
DDIM, at every guidance scale tried: docs/performance.md, "Solvers".
"""

SAMPLER = "plms"
STEPS = 14

WINDOW_S = 380.0
"""Longer songs are made in windows of this length in seconds: twice what the full model sees in
training."""
