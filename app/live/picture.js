// The picture: a slab for each block, as tall as its feature map, as thick as the root of its
// channels. Every network is drawn as wide as the page, its neighbour below at the same scale.
const HEIGHT = 400, TOP = 62, BOTTOM = 54;
const BETWEEN_BLOCKS = 0.8, BETWEEN_STAGES = 13;
const LABELS_APART = 26; // pixels; nearer labels run together
const LINE = 12;

// The network at one place of its columns: its parts with numbers in place of columns.
function networkAt(networks, place) {
  if (!networks || !networks.side[place]) return null;
  const parts = networks.parts.map(part => ({
    stage: part.stage,
    times: part.times[place],
    channels: part.channels[place],
    side: part.side[place],
    counts: part.counts.map(column => column[place]),
  })).filter(part => part.times > 0);
  const stages = networks.stages.map((stage, number) => ({
    ...stage, number, field: stage.receptive_field[place],
  }));
  return { title: networks.titles[place], side: networks.side[place], parts, stages };
}

function slabs(network, metric) {
  const found = [];
  const ends = [0, network.stages.length - 1];
  let left = 0;
  for (const part of network.parts) {
    for (let i = 0; i < part.times; i++) {
      const before = found.at(-1);
      if (before) left += before.stage === part.stage ? BETWEEN_BLOCKS : BETWEEN_STAGES;
      const block = ends.includes(part.stage) ? null
        : before?.stage === part.stage ? before.block + 1 : 0;
      const thickness = Math.sqrt(part.channels);
      found.push({ ...part, block, left, thickness, value: part.counts[metric] });
      left += thickness;
    }
  }
  return found;
}

function shade(share, shades) {
  const place = Math.min(share, 1) * (shades.length - 1);
  const low = Math.min(Math.floor(place), shades.length - 2);
  const [from, to] = [shades[low], shades[low + 1]].map(colour =>
    [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16)));
  return `rgb(${from.map((part, i) => Math.round(part + (to[i] - part) * (place - low)))})`;
}

// Rectangles are kept and moved: making a new one costs more than all its numbers.
function rectangles(group, count) {
  while (group.childElementCount < count) {
    group.append(element("rect"));
  }
  while (group.childElementCount > count) group.lastChild.remove();
  return [...group.children];
}

const isChosen = (slab, [stage, block]) =>
  stage === null || (slab.stage === stage && (block === null || slab.block === block));

// Where numbers of the picture fall on the page; `centre` is the middle line of the slabs.
function scales(shown, other, width) {
  const end = list => list.at(-1).left + list.at(-1).thickness;
  const tall = list => Math.max(...list.map(slab => slab.side));
  const right = Math.max(end(shown), other ? end(other) : 0);
  const [top, below] = [tall(shown), other ? tall(other) : 0];
  const gap = other ? 0.15 * top : 0;
  const across = width / (1.02 * right), up = (HEIGHT - TOP - BOTTOM) / (top + gap + below);
  return {
    x: value => (value + 0.01 * right) * across, across, up,
    centre: TOP + (up * top) / 2, other: TOP + up * (top + gap + below / 2), top,
  };
}

function drawSlabs(group, list, scale, centre, style) {
  rectangles(group, list.length).forEach((rect, i) => {
    const slab = list[i];
    put(rect, {
      x: scale.x(slab.left),
      y: centre - (scale.up * slab.side) / 2,
      width: scale.across * slab.thickness,
      height: scale.up * slab.side,
      ...style(slab),
    });
  });
}

function drawFrame(frame, inside, scale, colour) {
  frame.style.display = inside.length ? "" : "none";
  if (!inside.length) return;
  const reach = 0.53 * scale.up * Math.max(...inside.map(slab => slab.side));
  const [first, last] = [inside[0], inside.at(-1)];
  put(frame, {
    x: scale.x(first.left - 2),
    y: scale.centre - reach,
    width: scale.across * (last.left + last.thickness - first.left + 4),
    height: 2 * reach,
  });
  frame.style.stroke = colour;
}

// Each stage's name, and its side where that changes; one too near to the last is lifted.
function drawLabels(group, network, shown, scale) {
  let before = 0, last = -Infinity, html = "";
  for (const stage of network.stages) {
    const inside = shown.filter(slab => slab.stage === stage.number);
    const [first, end] = [inside[0], inside.at(-1)];
    const centre = (first.left + end.left + end.thickness) / 2;
    const lifted = scale.across * (centre - last) < LABELS_APART;
    last = lifted ? -Infinity : centre;
    const side = end.side === before ? "" : `${end.side}²`;
    before = end.side;
    const y = TOP - 6 - (lifted ? 2 * LINE : 0);
    const x = scale.x(centre).toFixed(1);
    const nameY = lifted && !side ? y : y - LINE;
    html += `<text x="${x}" y="${nameY}" class="name">${stage.name}</text>`;
    if (side) html += `<text x="${x}" y="${y}">${side}</text>`;
  }
  if (group.innerHTML !== html) group.innerHTML = html;
}
