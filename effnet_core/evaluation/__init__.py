"""How right a network is on labelled photos, and where it looks on them."""
