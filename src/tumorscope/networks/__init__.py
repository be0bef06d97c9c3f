"""Network architectures, one file each, in a plain registry."""
