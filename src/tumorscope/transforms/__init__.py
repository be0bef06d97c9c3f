"""From images to the arrays a network sees, and back into the image's own grid."""
