"""YAML composition, overrides, and the resolved config that is kept."""
