"""The rules of the original MuG Diffusion, kept for parity with its charts, weights and configs."""
