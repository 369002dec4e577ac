"""colabsd: pictures with Stable Diffusion that are kept, explained and made again. Importing it loads nothing heavy."""

__version__ = "0.1.0"
