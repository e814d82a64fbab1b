"""The browser app: reads controls, asks `effnet_core`, draws; no science and no tensors."""
