"""Parts of a diffusion model: groups of parameters, scale of the latents, generation, denoising."""
