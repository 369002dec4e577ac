"""Tensors: components, conditioning, the denoise loop, schedulers, latents."""
