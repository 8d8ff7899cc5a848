"""What everything stands on: errors, sample specs, atomic writes, checksums, seeds, devices and processes."""
