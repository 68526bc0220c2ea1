"""The evaluation as Markdown tables."""
