"""Pictures: read from folders and zips, decoded, paired, labelled and turned into arrays."""
