// A table of answers, written by Python; a click on a row's picture or answer chooses the picture,
// and what is said of it below comes into sight.
export default function ({ data, parentElement, setTriggerValue }) {
  const { table, below } = JSON.parse(data[0]);
  const place = parentElement.querySelector(".matrix");
  const focused = place.contains(document.activeElement) && document.activeElement.dataset.at;
  if (place.innerHTML !== table) place.innerHTML = table;
  if (focused) place.querySelector(`[data-at="${focused}"]`)?.focus({ preventScroll: true });
  place.onclick = event => {
    const button = event.target.closest("button");
    if (!button) return;
    setTriggerValue("chosen", button.dataset.key);
    document.querySelector(below)?.scrollIntoView({ block: "nearest" });
  };
}
