"""Faster forms of the same layers."""
