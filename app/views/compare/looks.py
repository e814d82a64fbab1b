"""Where they look: how well maps point, of the networks on Classify and of those trained here."""

from __future__ import annotations

from app import resources
from app.views.compare import maps, packaged, trained
from effnet_core.results.axes import find_axis


def draw() -> None:
    """Draw both; without any run that was scored, the first alone."""
    packaged.draw(times=False)
    runs, scores = resources.trained()
    if not any(one.run == run.id for run in runs for one in scores):
        return
    axis, logarithmic = find_axis("flops"), True
    if maps.fields(scores):
        axis, logarithmic = trained.draw_axis()
    opening = trained.opening(maps.CHART)
    maps.draw(runs, scores, axis, logarithmic=logarithmic, opening=opening)
