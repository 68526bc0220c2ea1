"""Sample songs and charts made by code."""
