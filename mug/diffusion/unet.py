"""unet (to be written)."""
