"""Inference: a request in, files out."""
