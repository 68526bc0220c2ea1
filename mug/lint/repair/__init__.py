"""Fixes of what the rules find."""
