"""How real a sample looks: a separate classifier, calibrated on reals that no network was trained on."""
