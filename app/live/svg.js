const SVG = "http://www.w3.org/2000/svg";

const element = name => document.createElementNS(SVG, name);

function put(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = typeof value === "number" ? value.toFixed(2) : value;
    if (target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

// Shows `text` in the tip of `root` beside the pointer; hides it where there is none.
function showTip(root, event, text) {
  const tip = root.querySelector(".tip");
  tip.hidden = !text;
  if (!text) return;
  tip.innerText = text;
  const frame = root.getBoundingClientRect();
  const half = tip.offsetWidth / 2;
  tip.style.left = `${Math.max(half, Math.min(event.clientX - frame.left, frame.width - half))}px`;
  tip.style.top = `${event.clientY - frame.top}px`;
}
