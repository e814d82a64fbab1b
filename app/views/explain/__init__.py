"""Explain: where in a picture did a model look for a class?"""
