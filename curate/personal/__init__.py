"""Personal data and secrets in text: a kernel finds where something may stand, patterns and checksums decide on those places only."""
