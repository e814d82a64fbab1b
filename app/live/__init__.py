"""What the browser holds of Scale, to follow φ while the slider is dragged, and of Explain.

Of Scale Python computes every result for every step of the slider (`readouts`, `marks`, `networks`)
and sends it once for each setting; the scripts beside it show the step that is under the hand,
until the hand lets go and the page is drawn again. Of Explain it is a feature map of which a cell
can be chosen (`cells`).
"""
