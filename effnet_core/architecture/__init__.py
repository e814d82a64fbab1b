"""The rule, the families, and every block of a network that they make; no torch."""
