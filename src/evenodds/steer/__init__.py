"""Latent space: directions of features, edits along them, walks, and inversion of pictures."""
