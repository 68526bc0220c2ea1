"""Samplers: algorithms over a denoiser that know no network."""
