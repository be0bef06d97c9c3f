"""A trained model on disk: weights as safetensors, what goes in, what comes out, what it was trained on."""
