"""Can this map be trusted? One sentence, and the evidence for it.

The rule. A map is not to be trusted if it does not come from the picture (made again it is another
one, or it stays where it was when the picture's halves are exchanged) or does not depend on the
weights (its rank correlation stays at 0.9 or more however many layers are drawn anew). Otherwise
the evidence is weak if the map does not beat all ten random maps and the centre Gaussian by
insertion less deletion, if ROAD finds its strongest pixels to matter no more than its weakest, or
if its range is under 5 % of that on random weights. A map that passes holds in these tests, which
is all that is said: no test can prove that a map is right.

Measured with Lite0's published weights at 224 pixels, Grad-CAM of the first class at the last
stage, on 40 photos, 20 to look for a rule and 20 others (`benchmarks.trust`; called out / photos):

    edge detector's map                 20 / 20 and 20 / 20, by the weights
    another photo's map                 20 / 20 and 20 / 20, by the picture
    blob in the middle                  20 / 20 and 20 / 20, by the picture
    true map, not to be trusted          0 / 20 and  0 / 20
    true map, weak evidence             11 / 20 and  6 / 20

A fake is called out by what it does not depend on, not by its looks: by insertion, deletion and
ROAD alone another photo's map would have held on 1 of the first 20 and 4 of the others, since most
photos have their object in the middle. Thresholds are far from what was seen: of the true maps the
smallest rank correlation on the way down was at most 0.17, and the one that stayed at most 0.67.

Most of the time goes to the rivals, 123 passes of the network for the twelve maps; drawing layers
anew takes 12 and ROAD 6.
"""

from __future__ import annotations

from effnet_core.attribution.trust.judge import Evidence, Trust, trust, trust_of
from effnet_core.attribution.trust.subject import Subject, onnx_subject

__all__ = ["Evidence", "Subject", "Trust", "onnx_subject", "trust", "trust_of"]
