"""A network on CUDA: channels-last, replayed from CUDA graphs."""
