"""From Cases and a recipe to trained weights: cache, batches, task, loop."""
