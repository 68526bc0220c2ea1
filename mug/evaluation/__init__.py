"""Evaluation of charts: rows of figures, tables, pages."""
