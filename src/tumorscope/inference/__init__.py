"""From a bundle and a study's images to a segmentation in the input's own grid, and its measures."""
