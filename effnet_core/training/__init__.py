"""Training and evaluating: data held in memory, recipes as data, runs that can be resumed."""
