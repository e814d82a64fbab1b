"""What computes an answer: ONNX Runtime, CUDA graphs, or torch's eager mode."""
