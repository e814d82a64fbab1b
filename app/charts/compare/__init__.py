"""Accuracy against cost, drawn and said."""
