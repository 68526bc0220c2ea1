"""Edits of charts that leave every byte beside them as it is."""
