"""Commands for charts: generate, edit, lint, convert, inspect, prompts."""
