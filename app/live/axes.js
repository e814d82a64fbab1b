// Axes: where values fall on the page, and which of them are written beside the chart.
const LETTERS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
const BYTE_LETTERS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

function tickText(value, unit) {
  if (value === 0) return "0";
  const [step, letter] = (unit ? BYTE_LETTERS : LETTERS).find(([s]) => Math.abs(value) >= s)
    ?? [1, ""];
  return `${Number((value / step).toPrecision(3))}${letter}${unit}`.replace("-", "−");
}

// A round step that leaves at most `most` ticks between two values.
function roundStep(length, most) {
  const power = 10 ** Math.floor(Math.log10(length / most));
  return [1, 2, 5, 10].map(times => times * power).find(step => length / step <= most);
}

function ticks({ range: [low, high], logarithmic }, most) {
  if (!logarithmic) {
    const step = roundStep(high - low, most);
    const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
    return Array.from({ length: count }, (_, i) => (first + i) * step);
  }
  const within = high - low < 2 ? [1, 2, 5] : [1];
  const decades = Math.floor(high) - Math.floor(low) + 1;
  return Array.from({ length: decades }, (_, i) => 10 ** (Math.floor(low) + i))
    .flatMap(decade => within.map(times => times * decade))
    .filter(value => Math.log10(value) >= low && Math.log10(value) <= high);
}

// The place of a value between two ends of the page, and back.
function axisScale({ range: [low, high], logarithmic }, from, to) {
  const part = value => ((logarithmic ? Math.log10(value) : value) - low) / (high - low);
  return value => from + part(value) * (to - from);
}
