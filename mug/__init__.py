"""MuG Diffusion: songs to charts for vertical-scrolling rhythm games."""
