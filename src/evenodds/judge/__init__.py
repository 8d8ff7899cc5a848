"""How real a sample looks: a classifier of its own, calibrated on reals that nobody was trained on."""
