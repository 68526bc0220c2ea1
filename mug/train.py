"""Training: a config in, checkpoints out."""
