"""The app: the whole tool in a browser. Draws and calls workflows; one page or component per file."""
