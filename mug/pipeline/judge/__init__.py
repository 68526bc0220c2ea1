"""Measures, scores and reports of finished charts; the best of several."""
