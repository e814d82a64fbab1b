// What the drawings share: elements that are made once and changed after, and the tip.
function element(name, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  put(made, attributes);
  return made;
}

// Writes only what is new; `text` is what stands inside.
function put(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = typeof value === "number" ? value.toFixed(2) : value;
    if (name === "text") {
      if (target.textContent !== text) target.textContent = text;
    } else if (target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

// One element for each of `list`: making a new one costs more than all its numbers.
function putEach(group, name, list) {
  while (group.childElementCount < list.length) group.append(element(name));
  while (group.childElementCount > list.length) group.lastChild.remove();
  list.forEach((attributes, i) => put(group.children[i], attributes));
}

// Shows beside the pointer what `said` tells of the place under it.
function tell(root, said) {
  const tip = root.querySelector(".tip");
  const show = (event, text) => {
    tip.hidden = !text;
    if (!text) return;
    tip.innerText = text;
    const frame = root.getBoundingClientRect(), half = tip.offsetWidth / 2;
    const left = Math.min(event.clientX - frame.left, frame.width - half);
    tip.style.left = `${Math.max(half, left)}px`;
    tip.style.top = `${event.clientY - frame.top}px`;
  };
  root.addEventListener("pointermove", event => show(event, said(event)));
  root.addEventListener("pointerleave", event => show(event, ""));
}

// Calls `moved` after every change of φ and `resized` once `root` is not as wide as it was drawn;
// returns what ends that.
function keepUp(state, moved, resized) {
  const observer = new ResizeObserver(() => {
    if (state.root.clientWidth !== state.width) resized(state);
  });
  observer.observe(state.root);
  const unfollow = follow(() => moved(state));
  return () => { unfollow(); observer.disconnect(); };
}
