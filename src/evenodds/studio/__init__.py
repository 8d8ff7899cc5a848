"""The studio: the game watched, samples judged, steered and drawn, in a browser."""
