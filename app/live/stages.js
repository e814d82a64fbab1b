// The picture and the stage table of the network under the hand. One mount of this component
// brings the networks of every step and draws nothing; the other brings what is chosen, and draws.
let grid = { id: null, networks: null };
const waiting = new Set();

function draw(state) {
  const { root, choice } = state, text = reading(), place = shownStep(text, choice.rest);
  if (place !== null && grid.id !== choice.grid) return; // they arrive a moment later
  const network = place === null
    ? networkAt(choice.rest?.row, 0) : networkAt(grid.networks, place);
  root.querySelector(".gone").hidden = Boolean(network);
  root.querySelector(".there").hidden = !network;
  if (!network) return;
  const beside = choice.beside_at === (text ?? "") ? null : networkAt(choice.beside, 0);
  const drawn = picture(network, beside, choice, state.width || 700);
  const figure = root.querySelector("svg.picture");
  state.shown = drawn.shown;
  drawPicture(figure, drawn);
  figure.setAttribute("aria-label", told(network));
  if (choice.table) drawTable(state.table.querySelector("tbody"), tableRows(network));
}

// The width is asked for only when it may be new: asking costs a layout of all that was written.
function fit(state) {
  state.width = state.root.clientWidth;
  draw(state);
}

function start(root) {
  const state = { root, shown: [], table: root.querySelector(".table") };
  const slabAt = event =>
    state.shown[[...root.querySelector(".slabs").children].indexOf(event.target)];
  tell(root, event => {
    const slab = slabAt(event);
    return slab ? slabWords(slab, state.choice) : "";
  });
  root.addEventListener("click", event => {
    const slab = slabAt(event);
    if (slab) state.choose("chosen", [slab.stage, slab.block]);
  });
  root.querySelector("thead tr").innerHTML =
    COLUMNS.map(name => `<th scope="col">${name}</th>`).join("");
  const leave = keepUp(state, draw, fit);
  waiting.add(state);
  state.end = () => { leave(); waiting.delete(state); };
  return state;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const brought = JSON.parse(data[0]);
  const root = parentElement.querySelector(".stages");
  if ("networks" in brought) {
    grid = brought;
    root?.remove();
    waiting.forEach(draw);
    return;
  }
  const state = mounted(parentElement, () => start(root));
  Object.assign(state, { choice: brought, choose: setTriggerValue });
  const { shades } = brought;
  putEach(root.querySelector("linearGradient"), "stop", shades.map((colour, i) =>
    ({ offset: i / (shades.length - 1), "stop-color": colour })));
  if (brought.table) root.querySelector(".there").append(state.table);
  else state.table.remove();
  fit(state);
  return state.end;
}
