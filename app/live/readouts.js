// The headline's own words, changed in place: Streamlit drew them, and draws them again at rest.
const HEADLINE = ".st-key-headline";
const QUIET_MS = 500; // a screen reader speaks once the hand has come to rest
const NOUNS = ["parameters", "FLOPs", "activations", "peak memory"];

const all = selector => [...document.querySelectorAll(`${HEADLINE} ${selector}`)];

// Writes into the first text inside, whose node React keeps.
function write(element, text) {
  const node = element && document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode();
  if (!node) return;
  const written = text + node.nodeValue.match(/\s*$/)[0];
  if (node.nodeValue !== written) node.nodeValue = written;
}

function summary(row) {
  if (row.none) return `${row.title}: ${row.none}`;
  return `${row.title}: ${row.values.map((value, i) => `${value} ${NOUNS[i]}`).join(", ")}.`;
}

function paintReadouts(row, notice) {
  const [title] = all("h2");
  const [refusal] = all(".st-key-none");
  const sentence = title ? row.none ?? "" : row.none ? "" : summary(row);
  if (notice.hidden === Boolean(sentence)) notice.hidden = !sentence;
  notice.classList.toggle("refused", Boolean(row.none));
  if (notice.textContent !== sentence) notice.textContent = sentence;
  if (refusal) {
    refusal.style.display = row.none ? "" : "none";
    if (row.none) write(refusal.querySelector("p"), row.none);
  }
  write(title, row.title);
  all(".facts").forEach(facts => { facts.style.opacity = row.none ? 0 : ""; });
  if (row.facts) all(".facts span").forEach((fact, i) => write(fact, row.facts[i]));
  all("[data-testid=stMetricValue]").forEach((one, i) => write(one, row.values?.[i] ?? "–"));
  all("[data-testid=stMetricDelta]").forEach((one, i) => write(one, row.ratios?.[i] ?? "–"));
}

export default function ({ data, parentElement }) {
  const { rows, rest } = JSON.parse(data[0]);
  const mount = mounted(parentElement, () => {
    const state = {};
    const [notice, status] = ["notice", "status"].map(n => parentElement.querySelector(`.${n}`));
    const redrawn = new MutationObserver(() => state.paint());
    state.paint = () => {
      const row = held(state.rows, state.rest);
      if (row) paintReadouts(row, notice);
      redrawn.takeRecords();
      return row;
    };
    let waiting;
    const unfollow = follow(() => {
      const row = state.paint();
      clearTimeout(waiting);
      waiting = setTimeout(() => { status.textContent = row ? summary(row) : ""; }, QUIET_MS);
    });
    redrawn.observe(document.querySelector(HEADLINE), {
      subtree: true, childList: true, characterData: true,
    });
    state.end = () => { unfollow(); redrawn.disconnect(); clearTimeout(waiting); };
    return state;
  });
  Object.assign(mount, { rows, rest });
  mount.paint();
  return mount.end;
}
