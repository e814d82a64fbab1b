"""Classify: what do one or several models see in a picture?"""
