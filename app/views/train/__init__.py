"""Train: what does a network learn from your own photos?"""
