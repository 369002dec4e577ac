"""How the embedded model is made: drawings, words, autoencoder, denoiser, figures, export. Not installed."""
