"""Training losses, one file each, in a plain registry."""
