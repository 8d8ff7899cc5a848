"""Numbers about samples: odds, distances, coverage, copying, the referee. Functions of scores, features and rows."""
