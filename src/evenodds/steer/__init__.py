"""What a direction in latent space means, and what it is good for."""
