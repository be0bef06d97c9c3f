"""Parts of pages, one per file."""
