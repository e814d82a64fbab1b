"""The ledger: what every place and every channel of the last feature map pays for a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import replies, widgets
from app.charts.ledger import waterfall
from app.markup import caption, plain, title
from app.models import label
from app.pictures import Picture
from app.text import file_stem
from app.views.explain.maps import colour_bar
from app.views.explain.targets import Target, class_name
from effnet_core.attribution.ledger import to_csv
from effnet_core.attribution.render import signed_overlay, signed_scale

if TYPE_CHECKING:
    from effnet_core.attribution.ledger import Ledger
    from effnet_core.engines.prediction import Prediction

AGAINST = "against"
"""The key (also in the URL) of the class that the lead is taken over."""
_NOBODY = "nothing: the logit itself"
_SIDE = 104


def draw(picture: Picture, target: Target, prediction: Prediction) -> None:
    """Draw the sum of a class's logit, or of its lead over another class."""
    name = label(target.card)
    widgets.heading("How the answer adds up", "computed")
    st.caption(
        "Pooling and a linear layer follow the last feature map, so the logit is a sum over its "
        "places, and as well over its channels, plus a bias: nothing is approximated."
    )
    if target.class_index is None:
        st.info(plain(f"{name} has no class called {target.class_name}."))
        return
    against = _choose_against(prediction, target.class_index)
    with widgets.told():
        found = replies.ledger(picture, target.card, target.class_index, against)
        _draw_places(name, prediction, found)
        _draw_sums(found)
        _draw_channels(name, prediction, found)
        _draw_downloads(picture, target, prediction, found)


def _choose_against(prediction: Prediction, index: int) -> int | None:
    if prediction.one_logit:
        other = prediction.classes[1 - index]
        st.caption(plain(f"The one logit is the log-odds of this class against {other}."))
        return None
    order = (-prediction.probabilities).argsort(kind="stable").tolist()
    others = {class_name(prediction, other): other for other in order if other != index}
    chosen = st.selectbox(
        f"Why {plain(prediction.classes[index])}, and not …",
        (_NOBODY, *others),
        key=AGAINST,
        help="With another class: the lead of the one over the other, place by place.",
        **widgets.KEPT,
    )
    return others.get(chosen)


def _draw_places(name: str, prediction: Prediction, found: Ledger) -> None:
    scale = signed_scale(found.cells)
    drawn = signed_overlay(prediction.view, found.cells, scale=scale)
    height, width = found.grid
    beside, below = st.columns([2, 3])
    with beside:
        alt = f"What each of {height} × {width} places pays for the class by {name}."
        st.image(drawn, width="stretch", alt=alt, output_format="PNG")
        st.html(colour_bar(scale))
    with below:
        what = prediction.classes[found.class_index]
        if found.against is not None:
            what += f" minus {prediction.classes[found.against]}"
        st.html(title(f"{what}: {found.logit:+.3f}".replace("-", "−"), "logit by " + name))
        st.html(caption("Places that pay most, and those that take most:"))
        places = (*found.places_for(), *found.places_against())
        st.dataframe(
            [{"Row": p.row, "Column": p.column, "Share": round(p.share, 4)} for p in places],
            hide_index=True,
        )


def _draw_sums(found: Ledger) -> None:
    for what, lines in (("places", found.place_lines()), ("channels", found.channel_lines())):
        with st.container(key=f"sum-{what}"):
            st.markdown(f"**The sum over {what}**")
            words = "; ".join(f"{line.what} {line.share:+.3f}" for line in lines)
            alt = f"{words}; together {found.logit:+.3f}."
            widgets.chart(waterfall(lines, found.logit), alt, key=f"waterfall-{what}")


def _draw_channels(name: str, prediction: Prediction, found: Ledger) -> None:
    st.markdown("**The ten channels that matter most, each with its own map**")
    channels = found.top_channels()
    scale = signed_scale(*(channel.map for channel in channels))
    with st.container(horizontal=True, gap="xsmall", key="ledger-channels"):
        for channel in channels:
            with st.container(width=_SIDE, gap="xsmall"):
                drawn = signed_overlay(prediction.view, channel.map, scale=scale)
                alt = f"Where channel {channel.index} of {name} pays and takes."
                st.image(drawn, width="stretch", alt=alt, output_format="JPEG")
                share = f"{channel.share:+.3f}".replace("-", "−")
                st.html(title(f"Channel {channel.index}", share))


def _draw_downloads(
    picture: Picture, target: Target, prediction: Prediction, found: Ledger
) -> None:
    stem = file_stem(f"{label(target.card)} ledger {prediction.classes[found.class_index]}")
    with st.container(horizontal=True):
        widgets.download("Ledger (CSV)", to_csv(found).encode(), f"{stem}.csv", key="ledger-csv")
        page = replies.document(picture, target.card, found.class_index, found.against)
        widgets.download("Everything (HTML)", page.encode(), f"{stem}.html", key="ledger-html")
