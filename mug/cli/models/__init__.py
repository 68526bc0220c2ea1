"""Commands for models: compose, demo, evaluate, convert, probe, MSD coefficients."""
