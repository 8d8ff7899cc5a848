"""How good fakes are: pure functions of features and of tables, and `evenodds score`, which applies them to a run."""
