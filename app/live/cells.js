// One channel of a feature map: one colour above 0, one below, as strong as the value is large.
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const written = value => value.toPrecision(4).replace("-", "−");

function unpacked(text) {
  return new Float32Array(Uint8Array.from(atob(text), one => one.charCodeAt(0)).buffer);
}

const rgb = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));

// RGBA of every cell; `most` is the value that is drawn at full strength.
function coloured(values, most, { above, below }) {
  const pixels = new Uint8ClampedArray(4 * values.length), colours = [rgb(above), rgb(below)];
  values.forEach((value, i) => {
    pixels.set([...colours[Number(value < 0)], (255 * Math.abs(value)) / (most || 1)], 4 * i);
  });
  return pixels;
}

// The cell under a pointer, kept inside the map.
function cellAt(event, frame, [rows, columns]) {
  const place = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
  return [
    place((event.clientY - frame.top) / frame.height, rows),
    place((event.clientX - frame.left) / frame.width, columns),
  ];
}

// The cell that an arrow key leads to, or null for another key and at the border.
function stepped([row, column], key, [rows, columns]) {
  if (!(key in STEPS)) return null;
  const next = [row + STEPS[key][0], column + STEPS[key][1]];
  return next[0] >= 0 && next[0] < rows && next[1] >= 0 && next[1] < columns ? next : null;
}

function framed(mark, [row, column], [rows, columns]) {
  const share = { left: column / columns, top: row / rows, width: 1 / columns, height: 1 / rows };
  for (const [side, part] of Object.entries(share)) mark.style[side] = `${100 * part}%`;
}

// The cell asked for last, and of which map: answers to what was asked before are overtaken by it.
const asked = new WeakMap();

function standing(map, start, text) {
  const last = asked.get(map);
  const overtaken = last && last.text === text && String(last.cell) !== String(start);
  if (!overtaken) asked.delete(map);
  return overtaken ? last.cell : start;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const { size, values: text, chosen: start, alt, colours } = JSON.parse(data[0]);
  const [map, canvas, mark, output, low, high, bar] =
    [".map", "canvas", "i", "output", ".low", ".high", ".colours"]
      .map(one => parentElement.querySelector(one));
  const values = unpacked(text), most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  let chosen = standing(map, start, text);
  const say = ([row, column]) => {
    output.textContent = `Row ${row}, column ${column}: ${written(values[row * size[1] + column])}`;
  };
  const choose = cell => {
    chosen = cell;
    asked.set(map, { cell, text });
    framed(mark, cell, size);
    say(cell);
    setTriggerValue("chosen", cell);
  };
  [canvas.height, canvas.width] = size;
  const drawn = new ImageData(coloured(values, most, colours), size[1], size[0]);
  canvas.getContext("2d").putImageData(drawn, 0, 0);
  bar.style.background = `linear-gradient(to right, ${colours.below}, transparent, ${colours.above})`;
  low.textContent = written(-most);
  high.textContent = written(most);
  map.setAttribute("aria-label", alt);
  framed(mark, chosen, size);
  say(chosen);
  map.onclick = event => choose(cellAt(event, canvas.getBoundingClientRect(), size));
  map.onpointermove = event => say(cellAt(event, canvas.getBoundingClientRect(), size));
  map.onpointerleave = () => say(chosen);
  map.onkeydown = event => {
    const next = stepped(chosen, event.key, size);
    if (event.key in STEPS) event.preventDefault(); // the page stays where it is
    if (next) choose(next);
  };
}
