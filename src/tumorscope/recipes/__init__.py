"""The typed configuration of a training run, and one YAML per recipe."""
