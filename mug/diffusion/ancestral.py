"""ancestral (to be written)."""
