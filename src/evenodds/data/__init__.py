"""Sources, prepared once into a memory-mapped store, and back again."""
