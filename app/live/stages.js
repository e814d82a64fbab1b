// The picture and the stage table of the network under the hand. One mount of this component
// brings the networks of every step and draws nothing; the other brings what is chosen, and draws.
let grid = { id: null, networks: null };
const waiting = new Set();
const SHARE = 1; // the place of multiply-adds among a part's counts
const COLUMNS = ["Stage", "Operator", "Input", "Channels", "Blocks", "Receptive field",
  "Parameters", "FLOPs", "Share of FLOPs", "Activations", "Stride"];

function tableRows(network) {
  const total = sum(network.parts, SHARE);
  let input = network.side;
  return network.stages.map(stage => {
    const parts = network.parts.filter(part => part.stage === stage.number);
    const out = parts.at(-1);
    const ends = [0, network.stages.length - 1].includes(stage.number);
    const row = [stage.name, stage.operator, `${input} × ${input}`, out.channels,
      ends ? 1 : parts.reduce((all, part) => all + part.times, 0), stage.field,
      count(sum(parts, 0)), count(sum(parts, SHARE)), sum(parts, SHARE) / total,
      count(sum(parts, 2)), stage.stride];
    input = out.side;
    return row;
  });
}

const sum = (parts, place) =>
  parts.reduce((all, part) => all + part.times * part.counts[place], 0);

function drawTable(body, network) {
  const rows = network ? tableRows(network) : [];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, i) => {
    const row = body.rows[i] ?? newRow(body);
    cells.forEach((value, j) => {
      const share = COLUMNS[j] === "Share of FLOPs";
      const text = share ? percent(value) : String(value);
      const node = row.cells[j].firstChild;
      if (node.nodeValue !== text) node.nodeValue = text;
      if (share) row.cells[j].querySelector("i").style.width = `${100 * value}%`;
    });
  });
}

function newRow(body) {
  const row = body.insertRow();
  row.innerHTML = COLUMNS.map((name, j) => (j === 0 ? '<th scope="row"> </th>'
    : name === "Share of FLOPs" ? "<td> <span class='share'><i></i></span></td>"
    : "<td> </td>")).join("");
  return row;
}

function alt(network) {
  const inner = network.stages.slice(1, -1);
  const of = stage => sum(network.parts.filter(part => part.stage === stage.number), SHARE);
  const most = inner.reduce((a, b) => (of(b) > of(a) ? b : a));
  const blocks = network.parts.slice(1, -1).reduce((all, part) => all + part.times, 0);
  const [first, last] = [network.parts[0], network.parts.at(-1)];
  return `${network.title} from its stem at ${first.side} pixels a side to its head at `
    + `${last.side}, ${blocks} blocks. Stage ${most.name} takes most of the FLOPs: `
    + `${percent(of(most) / sum(network.parts, SHARE))}.`;
}

function drawAll(root, state) {
  const { choice } = state;
  const place = choice.rest && !hasStep(choice.rest) ? null : step(reading());
  const network = place === null
    ? networkAt(choice.rest?.row, 0) : networkAt(networksFor(choice), place);
  if (place !== null && !networksFor(choice)) return; // they arrive a moment later
  const figure = root.querySelector("svg.picture");
  root.querySelector(".gone").hidden = Boolean(network);
  root.querySelector(".there").hidden = !network;
  if (!network) return;
  const shown = slabs(network, choice.metric);
  const apart = choice.beside && choice.beside_at !== (reading() ?? "");
  const other = apart && slabs(networkAt(choice.beside, 0), choice.metric);
  const width = state.width || 700;
  const scale = scales(shown, other, width);
  const most = Math.max(...shown.map(slab => slab.value));
  const part = name => figure.querySelector(`.${name}`);
  state.shown = shown;
  drawSlabs(part("slabs"), shown, scale, scale.centre, slab => ({
    fill: shade(slab.value / most, choice.shades),
    opacity: isChosen(slab, choice.chosen) ? 1 : choice.stepped_back,
  }));
  drawSlabs(part("beside"), other || [], scale, scale.other, () => ({}));
  const framed = choice.chosen[0] === null ? [] : shown.filter(s => isChosen(s, choice.chosen));
  drawFrame(part("frame"), framed, scale, choice.outline);
  drawLabels(part("labels"), network, shown, scale);
  const said = { title: [network.title, scale.centre + 0.3 * scale.up * scale.top],
    "other-title": [other ? `A: ${choice.beside.titles[0]}` : "", scale.other + LINE * 3] };
  for (const [name, [text, y]] of Object.entries(said)) {
    put(part(name), { x: width - 4, y: Math.min(y, HEIGHT - BOTTOM) });
    if (part(name).textContent !== text) part(name).textContent = text;
  }
  part("most").textContent = (choice.bytes ? size : count)(most);
  part("colours").textContent = `${choice.label} of a block`;
  figure.setAttribute("aria-label", alt(network));
  if (choice.table) drawTable(state.table.querySelector("tbody"), network);
}

const networksFor = choice => (grid.id === choice.grid ? grid.networks : null);
const hasStep = rest => {
  const text = reading();
  return text !== null && step(text) !== null && text !== rest.at;
};

function say(root, state, event) {
  const at = [...root.querySelector(".slabs").children].indexOf(event.target);
  if (at < 0) return showTip(root, event, "");
  const slab = state.shown[at], { choice } = state;
  const name = slab.block === null ? (slab.stage ? "head" : "stem")
    : `stage ${slab.stage}, block ${slab.block + 1}`;
  showTip(root, event, `${name}\n${slab.channels} channels, ${slab.side}×${slab.side}\n`
    + `${(choice.bytes ? size : count)(slab.value)} ${choice.label}`);
}

function start(root, choose) {
  const state = { choose, shown: [], width: 0, table: root.querySelector(".table") };
  state.draw = () => drawAll(root, state);
  // The width is asked for only when it may be new: asking costs a layout of all that was written.
  state.fit = () => {
    state.width = root.clientWidth;
    state.draw();
  };
  const [gradient] = root.getElementsByTagName("linearGradient");
  state.shade = shades => {
    gradient.innerHTML = shades.map((colour, i) =>
      `<stop offset="${i / (shades.length - 1)}" stop-color="${colour}"/>`).join("");
  };
  root.querySelector("thead tr").innerHTML =
    COLUMNS.map(name => `<th scope="col">${name}</th>`).join("");
  root.addEventListener("click", event => {
    const at = [...root.querySelector(".slabs").children].indexOf(event.target);
    if (at >= 0) state.choose("chosen", [state.shown[at].stage, state.shown[at].block]);
  });
  for (const kind of ["pointermove", "pointerleave"]) {
    root.addEventListener(kind, event => say(root, state, event));
  }
  const resized = new ResizeObserver(() => { if (root.clientWidth !== state.width) state.fit(); });
  resized.observe(root);
  const unfollow = follow(state.draw);
  waiting.add(state.draw);
  state.end = () => { unfollow(); resized.disconnect(); waiting.delete(state.draw); };
  return state;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const brought = JSON.parse(data[0]);
  const root = parentElement.querySelector(".stages");
  if (brought.networks) {
    grid = brought;
    root?.remove();
    waiting.forEach(draw => draw());
    return;
  }
  const state = mounted(parentElement, () => start(root, setTriggerValue));
  Object.assign(state, { choice: brought, choose: setTriggerValue });
  state.shade(brought.shades);
  if (brought.table) root.querySelector(".there").append(state.table);
  else state.table.remove();
  state.fit();
  return state.end;
}
