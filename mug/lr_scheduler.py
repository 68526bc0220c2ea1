"""Learning-rate factors by step."""
