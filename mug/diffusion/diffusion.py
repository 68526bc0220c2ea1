"""diffusion (to be written)."""
