"""A network on ONNX Runtime: its tensors, its graph, its session; nothing here needs torch."""
