// A chart of lines and marks that stands still, with the chosen network's mark following φ.
const EDGE = { left: 62, right: 14, top: 24, bottom: 46 };
const NEAR = 14; // pixels between the pointer and what it asks about
const COLOUR = 6; // the chosen network's place among the theme's colours, after the lines'
const GREY = "rgb(128, 138, 148)";
const SHAPES = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
  square: "M-4 -4H4V4H-4Z",
  triangle: "M0 -5.5 5 4H-5Z",
  diamond: "M9.5 0 0 9.5 -9.5 0 0 -9.5Z",
};

const place = ({ x, y }, state) => [state.x(x), state.y(y)];
const inside = ([x, y], { width, chart }) =>
  x >= EDGE.left - 1 && x <= width - EDGE.right + 1
  && y >= EDGE.top - 1 && y <= chart.height - EDGE.bottom + 1;
const absent = mark => !mark || mark.x === null || mark.y === null;

function markup(name, attributes, text = "") {
  const target = element(name);
  put(target, attributes);
  target.textContent = text;
  return target;
}

function drawGrid(group, { chart, width, x, y }) {
  const bottom = chart.height - EDGE.bottom, right = width - EDGE.right;
  const parts = [];
  for (const value of ticks(chart.x, Math.max(3, width / 70))) {
    parts.push(markup("text", { class: "tick", x: x(value), y: bottom + 18,
      "text-anchor": "middle" }, tickText(value, chart.x.unit)));
  }
  for (const value of ticks(chart.y, 7)) {
    const at = y(value);
    parts.push(markup("path", { d: `M${EDGE.left} ${at.toFixed(1)}H${right}` }));
    parts.push(markup("text", { class: "tick", x: EDGE.left - 8, y: at + 4,
      "text-anchor": "end" }, tickText(value, chart.y.unit)));
  }
  const [middle, centre] = [(EDGE.left + right) / 2, (EDGE.top + bottom) / 2];
  parts.push(markup("text", { class: "axis", x: middle, y: bottom + 38,
    "text-anchor": "middle" }, chart.x.label));
  parts.push(markup("text", { class: "axis", "text-anchor": "middle",
    transform: `translate(14 ${centre}) rotate(-90)` }, chart.y.label));
  if (chart.level !== null) {
    const d = `M${EDGE.left} ${y(chart.level).toFixed(1)}H${right}`;
    parts.push(markup("path", { d, class: "level" }));
  }
  group.replaceChildren(...parts);
}

function drawLines(group, { chart, x, y, colours, clip }) {
  group.setAttribute("clip-path", `url(#${clip})`);
  group.replaceChildren(...chart.lines.map((line, i) => markup("path", {
    d: line.x.map((value, j) =>
      `${j ? "L" : "M"}${x(value).toFixed(1)} ${y(line.y[j]).toFixed(1)}`).join(""),
    stroke: colours[i], "stroke-width": `${line.width}`, opacity: `${line.opacity}`,
    "stroke-dasharray": line.dash,
  })));
}

function drawStill(group, state) {
  const parts = [];
  for (const { symbol, marks, labels } of state.chart.marks) {
    marks.forEach((mark, i) => {
      if (absent(mark)) return;
      const at = place(mark, state);
      if (!inside(at, state)) return;
      const [x, y] = at;
      parts.push(markup("path", { d: SHAPES[symbol], fill: GREY,
        transform: `translate(${x} ${y})` }));
      if (labels[i]) parts.push(markup("text", { class: "name", x: x + 6, y: y + 15 }, labels[i]));
    });
  }
  group.replaceChildren(...parts);
}

function drawLegend(legend, { chart, colours }) {
  const swatch = inner => `<svg width="30" height="12" viewBox="0 -6 30 12">${inner}</svg>`;
  const items = chart.lines.map((line, i) => [line.name, swatch(`<path d="M0 0H30" fill="none"
    stroke="${colours[i]}" stroke-width="${line.width}" stroke-dasharray="${line.dash}"/>`)]);
  items.push(...chart.marks.map(({ name, symbol }) => [name,
    swatch(`<path transform="translate(15 0)" d="${SHAPES[symbol]}" fill="${GREY}"/>`)]));
  legend.replaceChildren(...items.map(([name, picture]) => {
    const item = document.createElement("span");
    item.innerHTML = picture;
    item.append(name);
    return item;
  }));
}

function drawMark(root, state) {
  const group = root.querySelector(".mark"), row = held(state.rows, state.rest);
  const at = absent(row) ? null : place(row, state);
  state.current = at && inside(at, state) ? row : null;
  group.style.display = state.current ? "" : "none";
  root.querySelector(".plot").setAttribute(
    "aria-label", state.current ? `${state.alt} ${row.text}.` : state.alt);
  if (!state.current) return;
  const [path, text] = group.children, [x, y] = at;
  put(group, { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
  put(path, { d: SHAPES.diamond, fill: state.colours[COLOUR] });
  const left = x > state.width - EDGE.right - 60;
  put(text, { "text-anchor": left ? "end" : "middle", x: 0, y: -15 });
  if (text.textContent !== row.title) text.textContent = row.title;
}

function drawChart(root, state) {
  const plot = root.querySelector(".plot"), { chart } = state;
  state.width = plot.clientWidth;
  if (!chart || !state.width) return;
  state.colours = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors").split(",");
  put(plot, { height: `${chart.height}` });
  state.x = axisScale(chart.x, EDGE.left, state.width - EDGE.right);
  state.y = axisScale(chart.y, chart.height - EDGE.bottom, EDGE.top);
  const clip = plot.querySelector("clipPath");
  clip.id = state.clip;
  put(clip.firstElementChild, { x: EDGE.left, y: EDGE.top - 4,
    width: state.width - EDGE.left - EDGE.right,
    height: chart.height - EDGE.top - EDGE.bottom + 8 });
  drawGrid(plot.querySelector(".grid"), state);
  drawLines(plot.querySelector(".lines"), state);
  drawStill(plot.querySelector(".still"), state);
  drawLegend(root.querySelector(".legend"), state);
  drawMark(root, state);
}

// What lies nearest to the pointer: the chosen network first, then marks, then lines.
function said(event, root, state) {
  const frame = root.querySelector(".plot").getBoundingClientRect();
  const apart = mark => {
    const [x, y] = place(mark, state);
    return Math.hypot(x - event.clientX + frame.left, y - event.clientY + frame.top);
  };
  const marks = state.chart.marks.flatMap(group => group.marks).filter(mark => !absent(mark));
  const along = state.chart.lines.flatMap(line => line.texts.map((text, i) =>
    ({ x: line.x[i], y: line.y[i], text })));
  for (const kind of [state.current ? [state.current] : [], marks, along]) {
    const near = kind.map(mark => [apart(mark), mark.text]).filter(([far]) => far <= NEAR);
    if (near.length) return near.reduce((a, b) => (b[0] < a[0] ? b : a))[1];
  }
  return "";
}

let charts = 0;

function start(root) {
  const state = { clip: `plot-${++charts}`, drawn: null };
  state.draw = () => drawChart(root, state);
  const resized = new ResizeObserver(state.draw);
  resized.observe(root);
  const unfollow = follow(() => { if (state.x) drawMark(root, state); });
  root.addEventListener("pointermove", event => {
    if (state.x) showTip(root, event, said(event, root, state));
  });
  root.addEventListener("pointerleave", event => showTip(root, event, ""));
  state.end = () => { unfollow(); resized.disconnect(); };
  return state;
}

export default function ({ data, parentElement }) {
  const state = mounted(parentElement, () => start(parentElement.querySelector(".chart")));
  Object.assign(state, JSON.parse(data[0]));
  state.draw();
  return state.end;
}
