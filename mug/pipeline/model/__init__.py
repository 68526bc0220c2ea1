"""Trained models from checkpoints."""
