"""plms (to be written)."""
