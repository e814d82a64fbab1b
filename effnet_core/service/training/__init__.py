"""Training runs as the app sees them: ordered, followed, stopped, resumed."""
