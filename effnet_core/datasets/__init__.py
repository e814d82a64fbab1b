"""Labelled photos: from folders and zips, drawn by code, prepared once and held in memory."""
