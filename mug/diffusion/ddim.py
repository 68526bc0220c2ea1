"""ddim (to be written)."""
