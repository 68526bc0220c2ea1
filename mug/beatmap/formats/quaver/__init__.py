"""Quaver's `.qua` charts."""
