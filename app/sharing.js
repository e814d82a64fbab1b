// What every page and every chart offers: its address, and the drawing as a file.
// No markup may stand in this text: Streamlit would take the whole script away.
// Buttons are told by their attributes, so that one listener serves those that come later.
if (!window.sharing) {
  window.sharing = true;
  const HERE = /^(localhost|127\.|\[?::1\]?$|0\.0\.0\.0)/;
  const STYLES = [
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "display",
    "font-family", "font-size", "font-weight", "text-anchor",
  ];

  // Colours that color-mix makes are read by browsers alone.
  const colour = value => value.replace(/color\(srgb ([^)]+)\)/g, (_, parts) => {
    const [red, green, blue, alpha = 1] = parts.split(/[ /]+/).map(Number);
    return `rgba(${[red, green, blue].map(part => Math.round(255 * part))}, ${alpha})`;
  });

  // A copy of a drawing that looks the same without the page's style sheets.
  function alone(drawing) {
    const copy = drawing.cloneNode(true);
    const pairs = [drawing, ...drawing.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((one, i) => {
      const style = getComputedStyle(pairs[i]);
      for (const name of STYLES) one.style.setProperty(name, colour(style.getPropertyValue(name)));
    });
    return copy;
  }

  function element(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  // A legend of HTML beneath a drawing, drawn where it stands.
  function legend(root, box) {
    return [...root.querySelectorAll(".legend > span")].flatMap(item => {
      const at = item.querySelector("svg").getBoundingClientRect();
      const { color, fontFamily, fontSize } = getComputedStyle(item);
      const swatch = alone(item.querySelector("svg"));
      swatch.setAttribute("x", at.left - box.left);
      swatch.setAttribute("y", at.top - box.top);
      const name = element("text", {
        x: at.right - box.left + 8, y: (at.top + at.bottom) / 2 - box.top + 4.5,
        fill: colour(color), "font-family": fontFamily, "font-size": fontSize,
      });
      name.textContent = item.textContent;
      return [swatch, name];
    });
  }

  // All drawings of a chart, one over another, on the page's ground: [svg text, width, height].
  function drawn(root) {
    const all = [...root.querySelectorAll("svg.main-svg, svg.plot")];
    const box = all[0].getBoundingClientRect(), { width } = box;
    const below = root.querySelector(".legend")?.getBoundingClientRect();
    const height = below ? below.bottom - box.top + 8 : box.height;
    const ground = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
    const whole = element("svg", { width, height });
    whole.append(element("rect", { width, height, fill: ground }));
    whole.append(...all.map(alone), ...legend(root, box));
    return [new XMLSerializer().serializeToString(whole), width, height];
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function picture(root, name, kind) {
    const [text, width, height] = drawn(root);
    const vector = new Blob([text], { type: "image/svg+xml" });
    if (kind === "svg") return save(vector, `${name}.svg`);
    const image = new Image(), canvas = document.createElement("canvas");
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    Object.assign(canvas, { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(blob => save(blob, `${name}.png`));
  }

  // Beyond this machine, an address without TLS has no clipboard: a selection is copied instead.
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }

  async function share(button) {
    const said = document.querySelector(".shared");
    const only = HERE.test(location.hostname) ? " It leads to this machine alone." : "";
    const own = button.dataset.own ? ` ${button.dataset.own}` : "";
    try {
      await copy(location.href);
      said.textContent = `Address copied.${only}${own}`;
    } catch {
      said.textContent = `Copy the address above.${only}${own}`;
    }
  }

  addEventListener("click", event => {
    const button = event.target.closest?.("[data-share], [data-save]");
    if (button?.dataset.save) {
      const { chart, save } = button.dataset;
      picture(document.querySelector(`.st-key-${chart}`), `efficientnet-${chart}`, save);
    } else if (button) share(button);
  });
}
