"""Pictures: charts, axes, PNG."""
