"""Published figures as tables, and how they are read."""
