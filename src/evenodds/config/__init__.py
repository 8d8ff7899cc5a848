"""Settings, presets and budgets: every flag, free of torch."""
