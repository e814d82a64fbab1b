"""Lists of runs that are trained by one recipe."""
