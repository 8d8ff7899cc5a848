"""Weights that travel: what others' programs open."""
