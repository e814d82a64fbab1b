"""What a server endures: many visitors at once, and what is left of them afterwards.

Each module measures one thing and gives rows of `benchmarks.soak.rows`.
"""
