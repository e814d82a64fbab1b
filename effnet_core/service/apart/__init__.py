"""Answers that can take long, made in processes of their own: with a deadline, and ended at once.

`workers` holds the processes, `work` is what happens in them.
"""
