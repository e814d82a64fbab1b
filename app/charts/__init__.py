"""Core results → plotly figures: pure functions, one module for each subject.

Colours: lines and marks take the theme's categorical colours by their order in the figure, so that
they follow light and dark; what stands back is drawn in a grey that shows on both.
"""
