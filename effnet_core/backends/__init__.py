"""What computes an answer: torch at once, and ONNX Runtime as soon as its graph stands."""
