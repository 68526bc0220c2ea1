"""The evaluation as HTML pages."""
