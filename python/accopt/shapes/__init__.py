"""A generated set of 32x32 colour images in ten classes, and a baseline for it."""
