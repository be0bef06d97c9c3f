"""Results → HTML, JSON, CSV."""
