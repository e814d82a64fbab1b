"""The search for α, β and γ: which share of a cost should go into depth, width and resolution."""
