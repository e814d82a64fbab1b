"""Scale: what does φ do to the network, and what does it cost?"""
