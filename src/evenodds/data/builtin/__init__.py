"""The built-in data sets: people, digits and faces."""
