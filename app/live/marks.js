// The chosen network's mark on charts that stay as they are: an overlay on Plotly's axes.
const NAMESPACE = "http://www.w3.org/2000/svg";
const CHARTS = [
  { key: "growth", size: 15, place: row => [row.x, row.y] },
  { key: "ratio", size: 14, place: row => [row.phi, row.ratio] },
];
const COLOUR = 6; // the place in the theme's colours that follows four curves and two greys

const drawnChart = key => document.querySelector(`.st-key-${key} .js-plotly-plot`);

function overlay(chart) {
  const stage = chart.querySelector(".svg-container");
  let svg = stage?.querySelector(".current");
  if (stage && !svg) {
    svg = document.createElementNS(NAMESPACE, "svg");
    svg.classList.add("current");
    svg.setAttribute("role", "img");
    svg.innerHTML = "<g><title></title><path/><text text-anchor='middle'/></g>";
    stage.append(svg);
  }
  return svg;
}

function within(axis, value) {
  if (value === null || value === undefined) return null;
  const place = axis.c2p(value);
  return place >= -1 && place <= axis._length + 1 ? axis._offset + place : null;
}

function paintMark({ key, size, place }, row, colour) {
  const chart = drawnChart(key);
  const layout = chart?._fullLayout;
  const svg = layout?.xaxis?.c2p && overlay(chart);
  if (!svg) return;
  const values = row ? place(row) : [];
  const [x, y] = [within(layout.xaxis, values[0]), within(layout.yaxis, values[1])];
  const [group] = svg.children;
  const [title, path, text] = group.children;
  group.style.display = x === null || y === null ? "none" : "";
  if (group.style.display) return;
  const half = size * 0.65;
  group.setAttribute("transform", `translate(${x} ${y})`);
  path.setAttribute("d", `M${half} 0 0 ${half} -${half} 0 0 -${half}Z`);
  path.setAttribute("fill", colour);
  text.setAttribute("y", -half - 6);
  text.setAttribute("x", Math.min(0, layout.xaxis._offset + layout.xaxis._length - x - 30));
  text.textContent = row.title;
  title.textContent = row.text;
  svg.setAttribute("aria-label", row.text);
}

export default function ({ data, parentElement }) {
  const { rows, rest } = JSON.parse(data);
  const mount = mounted(parentElement, () => {
    const state = {};
    const known = new WeakSet();
    const draw = () => {
      const colours = getComputedStyle(parentElement).getPropertyValue(
        "--st-chart-categorical-colors");
      const row = held(state.rows, state.rest);
      for (const one of CHARTS) paintMark(one, row, colours.split(",")[COLOUR]);
    };
    // Plotly comes late, and again with other axes: every chart is met once and followed.
    const meet = () => {
      for (const { key } of CHARTS) {
        const chart = drawnChart(key);
        if (!chart?.on || known.has(chart)) continue;
        known.add(chart);
        chart.on("plotly_afterplot", draw);
        draw();
      }
    };
    const arrived = new MutationObserver(meet);
    arrived.observe(document.querySelector(".st-key-parts"), { subtree: true, childList: true });
    const unfollow = follow(draw);
    state.draw = () => { meet(); draw(); };
    state.end = () => { unfollow(); arrived.disconnect(); };
    return state;
  });
  Object.assign(mount, { rows, rest });
  mount.draw();
  return mount.end;
}
