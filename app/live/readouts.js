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

// What is said below the headline: why there is no network, or which, where none had been drawn.
function sentence(row, drawn) {
  if (drawn) return row.none ?? "";
  return row.none ? "" : summary(row);
}

function paint(row, notice) {
  const [title] = all("h2"), [refusal] = all(".st-key-none");
  const said = sentence(row, Boolean(title));
  if (notice.hidden === Boolean(said)) notice.hidden = !said;
  notice.classList.toggle("refused", Boolean(row.none));
  if (notice.textContent !== said) notice.textContent = said;
  if (refusal) {
    refusal.style.display = row.none ? "" : "none";
    if (row.none) write(refusal.querySelector("p"), row.none);
  }
  write(title, row.title);
  all(".facts").forEach(facts => { facts.style.opacity = row.none ? 0 : ""; });
  all(".facts").forEach(facts => {
    facts.classList.toggle("same", !row.ratios?.some(ratio => ratio.startsWith("×")));
  });
  if (row.facts) all(".facts span").forEach((fact, i) => write(fact, row.facts[i]));
  all("[data-testid=stMetricValue]").forEach((one, i) => write(one, row.values?.[i] ?? "–"));
  all("[data-testid=stMetricDelta]").forEach((one, i) => write(one, row.ratios?.[i] ?? "–"));
}

function start(parent) {
  const [notice, status] = [".notice", ".status"].map(name => parent.querySelector(name));
  const redrawn = new MutationObserver(() => state.paint());
  let waiting;
  const unfollow = follow(() => {
    const row = state.paint();
    clearTimeout(waiting);
    waiting = setTimeout(() => { status.textContent = row ? summary(row) : ""; }, QUIET_MS);
  });
  redrawn.observe(document.querySelector(HEADLINE), {
    subtree: true, childList: true, characterData: true,
  });
  const state = {
    paint() {
      const row = held(state.rows, state.rest);
      if (row) paint(row, notice);
      redrawn.takeRecords();
      return row;
    },
    end() { unfollow(); redrawn.disconnect(); clearTimeout(waiting); },
  };
  return state;
}

export default function ({ data, parentElement }) {
  const state = mounted(parentElement, () => start(parentElement));
  Object.assign(state, JSON.parse(data[0])).paint();
  return state.end;
}
