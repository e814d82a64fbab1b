// φ under the hand: the slider says it in its own words while it is dragged, stepped or set.
const SLIDER = ".st-key-phi input[type=range]";
const LEAST = -6, STEPS_A_UNIT = 10;

const reading = () => document.querySelector(SLIDER)?.getAttribute("aria-valuetext") ?? null;

// The place of a reading among the steps; null for a φ between them, or no slider.
function step(text) {
  const place = (Number(text) - LEAST) * STEPS_A_UNIT;
  const whole = Math.round(place);
  return text !== null && Math.abs(place - whole) < 1e-6 ? whole : null;
}

// The step that is shown; null where that is `rest`, a network between the steps or by name.
const shownStep = (text, rest) => (rest && text === rest.at ? null : step(text));

// The row that is shown: of its step, or of `rest`.
function held(rows, rest) {
  const place = shownStep(reading(), rest);
  return place === null ? rest?.row : rows?.[place];
}

// Calls `moved` after every change of φ; returns what ends that.
function follow(moved) {
  const observer = new MutationObserver(changes => {
    if (changes.some(change => change.target.closest(".st-key-phi"))) moved();
  });
  observer.observe(document.body, {
    subtree: true, attributes: true, attributeFilter: ["aria-valuetext"],
  });
  return () => observer.disconnect();
}

// Each mount of a component keeps what it started with here, since it is called for all new data.
const mounts = new WeakMap();
function mounted(parent, start) {
  if (!mounts.has(parent)) mounts.set(parent, start());
  return mounts.get(parent);
}
