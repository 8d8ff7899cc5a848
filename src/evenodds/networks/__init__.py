"""Generators and discriminators: one call shape, G(z) and D(x), for every family."""
