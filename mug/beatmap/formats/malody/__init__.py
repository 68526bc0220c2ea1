"""Malody's `.mc` charts."""
