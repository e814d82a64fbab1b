"""One run of a training: its folder, its order, its process."""
