"""What a network costs, counted exactly from its spec; no torch."""
