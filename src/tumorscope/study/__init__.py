"""Making a raw study usable: which series is which sequence, registration, resampling, brain mask, what is odd."""
