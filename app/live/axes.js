// Axes: where values fall on the page, and which of them are written beside the chart.

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

// The place of a value between two ends of the page.
function axisScale({ range: [low, high], logarithmic }, from, to) {
  const part = value => ((logarithmic ? Math.log10(value) : value) - low) / (high - low);
  return value => from + part(value) * (to - from);
}
