"""What the browser holds of Scale, so that it follows φ while the slider is dragged.

Python computes every result for every step of the slider (`readouts`, `marks`, `networks`) and
sends it once for each setting; the scripts beside it show the step that is under the hand, until
the hand lets go and the page is drawn again.
"""
