"""What happens periodically during training."""
