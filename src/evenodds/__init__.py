"""evenodds trains generative adversarial networks on your own pictures and tables."""

__version__ = "0.1.0"
