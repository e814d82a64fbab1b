"""A search for α, β and γ, drawn and said."""
