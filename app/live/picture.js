// The picture: a slab for each block, as tall as its feature map, as thick as the root of its
// channels. Every network is drawn as wide as the page, its neighbour below at the same scale.
const HEIGHT = 400, TOP = 62, BOTTOM = 54;
const BETWEEN_BLOCKS = 0.8, BETWEEN_STAGES = 13;
const LABELS_APART = 26; // pixels; nearer labels run together
const LINE = 12;

// The slabs from left to right, in pixels of a feature map; `block` is null in stem and head.
function slabs({ parts, stages }, metric) {
  const found = [];
  for (const part of parts) {
    for (let i = 0; i < part.times; i++) {
      const before = found.at(-1), next = before?.stage === part.stage;
      const gap = before ? next ? BETWEEN_BLOCKS : BETWEEN_STAGES : 0;
      const block = stages[part.stage].inner ? next ? before.block + 1 : 0 : null;
      const left = (before?.right ?? 0) + gap, right = left + Math.sqrt(part.channels);
      const { name } = stages[part.stage];
      found.push({ ...part, name, block, left, right, value: part.counts[metric] });
    }
  }
  return found;
}

const ends = slabs => [Math.min(...slabs.map(one => one.left)), slabs.at(-1).right];

// Both networks with each stage beginning at one place: it is as wide as in the wider of the two.
function aligned(networks) {
  const names = [...new Set(networks.flatMap(slabs => slabs.map(one => one.name)))];
  names.sort((a, b) => (a === "head") - (b === "head")); // a network with fewer stages comes first
  const moved = networks.map(() => []);
  let start = 0;
  for (const name of names) {
    const inside = networks.map(slabs => slabs.filter(one => one.name === name));
    const spans = inside.map(slabs => (slabs.length ? ends(slabs) : [0, 0]));
    inside.forEach((slabs, i) => slabs.forEach(one => {
      const by = start - spans[i][0];
      moved[i].push({ ...one, left: one.left + by, right: one.right + by });
    }));
    start += Math.max(...spans.map(([left, right]) => right - left)) + BETWEEN_STAGES;
  }
  return moved;
}

const isChosen = (slab, [stage, block]) =>
  stage === null || (slab.stage === stage && (block === null || slab.block === block));

const tallest = list => Math.max(0, ...list.map(slab => slab.side));

// From slabs to the page; `centre` and `below` are the middle lines of the two networks.
function scales(shown, other, width) {
  const right = Math.max(shown.at(-1).right, other.at(-1)?.right ?? 0);
  const top = tallest(shown), bottom = tallest(other), gap = other.length ? 0.15 * top : 0;
  const across = width / (1.02 * right), up = (HEIGHT - TOP - BOTTOM) / (top + gap + bottom);
  return {
    x: value => (value + 0.01 * right) * across, across, up,
    centre: TOP + (up * top) / 2, below: TOP + up * (top + gap + bottom / 2), top,
  };
}

function box({ left, right, side }, { x, across, up }, middle) {
  const height = up * side;
  return { x: x(left), y: middle - height / 2, width: across * (right - left), height };
}

function frame(inside, scale, colour) {
  if (!inside.length) return { style: "display: none" };
  const around = {
    left: inside[0].left - 2, right: inside.at(-1).right + 2, side: 1.06 * tallest(inside),
  };
  return { ...box(around, scale, scale.centre), style: `stroke: ${colour}` };
}

// Each stage's name, and its side where that changes; one too near to the last is lifted.
function labels(stages, shown, { x, across }) {
  const found = [];
  let before = 0, last = -Infinity;
  for (const { number, name } of stages) {
    const inside = shown.filter(slab => slab.stage === number), end = inside.at(-1);
    const centre = (inside[0].left + end.right) / 2;
    const lifted = across * (centre - last) < LABELS_APART;
    const y = TOP - 6 - (lifted ? 2 * LINE : 0), changed = end.side !== before;
    const up = lifted && !changed ? 0 : LINE;
    found.push({ x: x(centre), y: y - up, class: "name", text: name });
    if (changed) found.push({ x: x(centre), y, class: "", text: `${end.side}²` });
    before = end.side;
    last = lifted ? -Infinity : centre;
  }
  return found;
}

// A colour between two of `shades`, which are written #rrggbb.
function shade(share, shades) {
  const place = Math.min(share, 1) * (shades.length - 1);
  const low = Math.min(Math.floor(place), shades.length - 2);
  const [from, to] = [shades[low], shades[low + 1]].map(colour =>
    [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16)));
  return `rgb(${from.map((part, i) => Math.round(part + (to[i] - part) * (place - low)))})`;
}

// All that is drawn of `network`, and of the one `beside` it if any, `width` pixels wide.
function picture(network, beside, choice, width) {
  const both = [network, beside].map(one => (one ? slabs(one, choice.metric) : []));
  const [shown, other] = beside ? aligned(both) : both;
  const scale = scales(shown, other, width), chosen = slab => isChosen(slab, choice.chosen);
  const most = Math.max(...shown.map(slab => slab.value));
  const title = (text, y) => ({ text, x: width - 4, y: Math.min(y, HEIGHT - BOTTOM) });
  return {
    shown,
    slabs: shown.map(slab => ({
      ...box(slab, scale, scale.centre),
      fill: shade(slab.value / most, choice.shades),
      opacity: chosen(slab) ? 1 : choice.stepped_back,
    })),
    beside: other.map(slab => box(slab, scale, scale.below)),
    labels: labels(network.stages, shown, scale),
    single: {
      frame: frame(choice.chosen[0] === null ? [] : shown.filter(chosen), scale, choice.outline),
      title: title(network.title, scale.centre + 0.3 * scale.up * scale.top),
      "other-title": title(beside ? `A: ${beside.title}` : "", scale.below + 3 * LINE),
      most: { text: amount(most, choice.unit) },
      colours: { text: `${choice.label} of a block` },
    },
  };
}

function drawPicture(figure, { slabs, beside, labels, single }) {
  const part = name => figure.querySelector(`.${name}`);
  putEach(part("slabs"), "rect", slabs);
  putEach(part("beside"), "rect", beside);
  putEach(part("labels"), "text", labels);
  for (const [name, attributes] of Object.entries(single)) put(part(name), attributes);
}

// What the tip says of a slab.
function slabWords({ stage, block, channels, side, value }, { unit, label }) {
  const name = block === null ? (stage ? "head" : "stem") : `stage ${stage}, block ${block + 1}`;
  return `${name}\n${channels} channels, ${side}×${side}\n${amount(value, unit)} ${label}`;
}
