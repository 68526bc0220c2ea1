"""The original's own rules, kept for parity."""
