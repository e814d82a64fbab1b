// A chart of lines and marks that stands still, with the chosen network's mark following φ.
const EDGE = { left: 62, right: 14, top: 24, bottom: 46 };
const SMALL_EDGE = { left: 4, right: 4, top: 8, bottom: 16 };
const NEAR = 14; // pixels between the pointer and what it asks about
const COLOUR = 6; // the chosen network's place among the theme's colours, after the lines'
const GREY = "rgb(128, 138, 148)";
const SHAPES = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
  square: "M-4 -4H4V4H-4Z",
  triangle: "M0 -5.5 5 4H-5Z",
  diamond: "M9.5 0 0 9.5 -9.5 0 0 -9.5Z",
};

// Where the chart's edges and values fall on a page of this width.
function plotted(chart, width) {
  const edge = chart.small ? SMALL_EDGE : EDGE, { left, top } = edge;
  const right = width - edge.right, bottom = chart.height - edge.bottom;
  const x = axisScale(chart.x, left, right), y = axisScale(chart.y, bottom, top);
  return { left, top, right, bottom, x, y };
}

// Where a mark falls; null for a network that has none on the chart.
function place(mark, { left, top, right, bottom, x, y }) {
  if (!mark || mark.x === null || mark.y === null) return null;
  const [across, up] = [x(mark.x), y(mark.y)];
  const inside = across >= left - 1 && across <= right + 1 && up >= top - 1 && up <= bottom + 1;
  return inside ? [across, up] : null;
}

// A small chart says φ alone: its figure stands above it.
function smallGrid({ x: { label } }, { left, right, bottom, x }) {
  const line = value => ["path", { d: `M${x(value).toFixed(1)} 4V${bottom}`, class: "level" }];
  const text = (words, at, anchor) =>
    ["text", { class: "name", text: words, x: at, y: bottom + 12, "text-anchor": anchor }];
  return [
    line(0), text("−6", left, "start"), text(`${label} = 0`, x(0), "middle"),
    text("10", right, "end"),
  ];
}

function grid(chart, { left, top, right, bottom, x, y }) {
  const level = value => `M${left} ${y(value).toFixed(1)}H${right}`;
  const text = (words, more) => ["text", { text: words, "text-anchor": "middle", ...more }];
  const across = ticks(chart.x, Math.max(3, (right + EDGE.right) / 70)).map(value =>
    text(tickText(value, chart.x.unit), { class: "tick", x: x(value), y: bottom + 18 }));
  const up = ticks(chart.y, 7).flatMap(value => [
    ["path", { d: level(value) }],
    text(tickText(value, chart.y.unit), {
      class: "tick", "text-anchor": "end", x: left - 8, y: y(value) + 4,
    }),
  ]);
  const turned = `translate(14 ${(top + bottom) / 2}) rotate(-90)`;
  return [
    ...across, ...up,
    text(chart.x.label, { class: "axis", x: (left + right) / 2, y: bottom + 38 }),
    text(chart.y.label, { class: "axis", transform: turned }),
    ...(chart.level === null ? [] : [["path", { d: level(chart.level), class: "level" }]]),
  ];
}

const stroke = (line, colour) =>
  ({ stroke: line.ghost ? GREY : colour, "stroke-width": line.width, "stroke-dasharray": line.dash });

const path = (line, { x, y }) => line.x.map((value, i) =>
  `${i ? "L" : "M"}${x(value).toFixed(1)} ${y(line.y[i]).toFixed(1)}`).join("");

const still = (chart, frame) => chart.marks.flatMap(({ symbol, marks, labels }) =>
  marks.flatMap((mark, i) => {
    const at = place(mark, frame);
    if (!at) return [];
    const size = chart.small ? " scale(0.6)" : "";
    const shape = { d: SHAPES[symbol], fill: GREY, transform: `translate(${at.join(" ")})${size}` };
    const name = { class: "name", x: at[0] + 6, y: at[1] + 15, text: labels[i] };
    return labels[i] ? [["path", shape], ["text", name]] : [["path", shape]];
  }));

const legend = (chart, colours) => [
  ...chart.lines.map((line, i) =>
    [line.name, { d: "M0 0H30", fill: "none", ...stroke(line, colours[i]) }]),
  ...chart.marks.map(({ name, symbol }) =>
    [name, { d: SHAPES[symbol], fill: GREY, transform: "translate(15 0)" }]),
];

function legendItem([name, drawn]) {
  const item = document.createElement("span");
  const swatch = element("svg", { width: "30", height: "12", viewBox: "0 -6 30 12" });
  swatch.append(element("path", drawn));
  item.append(swatch, name);
  return item;
}

function drawMark({ root, frame, colours, alt, rows, rest, chart: { small } }) {
  const row = held(rows, rest), at = place(row, frame);
  const mark = root.querySelector(".mark"), [shape, title] = mark.children;
  put(root.querySelector(".plot"), { "aria-label": at ? `${alt} ${row.text}.` : alt });
  put(mark, { display: at ? "inline" : "none" });
  if (!at) return;
  put(mark, { transform: `translate(${at.map(one => one.toFixed(1)).join(" ")})` });
  put(shape, {
    d: SHAPES.diamond, fill: colours[COLOUR], transform: small ? "scale(0.75)" : "",
  });
  const anchor = at[0] > frame.right - 60 ? "end" : "middle";
  put(title, { "text-anchor": anchor, x: 0, y: -15, text: small ? "" : row.title });
}

function drawChart(state) {
  const { root, chart, clip } = state, part = name => root.querySelector(name);
  state.width = root.clientWidth;
  if (!state.width) return;
  const theme = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors");
  const colours = state.colours = theme.split(",");
  const frame = state.frame = plotted(chart, state.width);
  const { left, top, right, bottom } = frame;
  put(part(".plot"), { height: chart.height });
  put(part("clipPath"), { id: clip });
  put(part("clipPath rect"), {
    x: left, y: top - 4, width: right - left, height: bottom - top + 8,
  });
  put(part(".lines"), { "clip-path": `url(#${clip})` });
  putEach(part(".lines"), "path", chart.lines.map((line, i) =>
    ({ d: path(line, frame), opacity: line.opacity, ...stroke(line, colours[i]) })));
  const drawn = chart.small ? smallGrid(chart, frame) : grid(chart, frame);
  for (const [name, parts] of [[".grid", drawn], [".still", still(chart, frame)]]) {
    part(name).replaceChildren(...parts.map(([tag, attributes]) => element(tag, attributes)));
  }
  part(".legend").hidden = chart.small;
  if (!chart.small) part(".legend").replaceChildren(...legend(chart, colours).map(legendItem));
  drawMark(state);
}

// What is said of the nearest to a point: the chosen network first, then marks, then lines.
function nearest([x, y], { chart, frame, rows, rest }) {
  const marks = chart.marks.flatMap(group => group.marks);
  const along = chart.lines.flatMap(line => line.texts.map((text, i) =>
    ({ x: line.x[i], y: line.y[i], text })));
  for (const kind of [[held(rows, rest)], marks, along]) {
    const near = kind.map(mark => [place(mark, frame), mark?.text]).filter(([at]) => at)
      .map(([at, text]) => [Math.hypot(at[0] - x, at[1] - y), text]).sort(([a], [b]) => a - b);
    if (near[0]?.[0] <= NEAR) return near[0][1];
  }
  return "";
}

let charts = 0;

function start(root) {
  const state = { root, clip: `plot-${++charts}` };
  state.end = keepUp(state, () => { if (state.frame) drawMark(state); }, drawChart);
  tell(root, event => {
    const box = root.querySelector(".plot").getBoundingClientRect();
    return state.frame ? nearest([event.clientX - box.left, event.clientY - box.top], state) : "";
  });
  return state;
}

export default function ({ data, parentElement }) {
  const state = mounted(parentElement, () => start(parentElement.querySelector(".chart")));
  drawChart(Object.assign(state, JSON.parse(data[0])));
  return state.end;
}
