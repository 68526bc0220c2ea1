"""The autoencoder between note tensors and latents."""
