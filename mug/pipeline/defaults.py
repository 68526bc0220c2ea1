"""How charts are sampled unless asked otherwise.

PLMS with 16 steps is 17 network evaluations. Its distance from the 1000-step result is no larger
than that of the original's 100 steps of DDIM at every guidance scale tried; with 15 evaluations it
depends on the noise which of the two is nearer. docs/performance.md, "Solvers".
"""

SAMPLER = "plms"
STEPS = 16

WINDOW_S = 380.0
"""Longer songs are made in windows of this length in seconds: twice what the full model sees in
training."""
