"""Accuracy and speed: published by others, measured here on own networks, against cost."""
