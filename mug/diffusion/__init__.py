"""Noise schedules, samplers, the U-Net and the DDPM module."""
