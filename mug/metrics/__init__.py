"""Measures of charts."""
