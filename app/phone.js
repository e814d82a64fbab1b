// What a narrow screen does of itself; its sheet of controls and the row of parts at its foot are
// made by styles/page.css. Listeners come first (true): Streamlit's own keep some events to themselves.
if (!window.narrowScreen) {
  window.narrowScreen = true;
  const narrow = matchMedia("(max-width: 640px)");
  const close = () => document.querySelector(".st-key-opener [open]")?.removeAttribute("open");

  addEventListener("click", event => {
    const on = selector => event.target.closest?.(selector);
    // The menu lies over the page: it closes once a page is chosen from it.
    if (innerWidth <= 768 && on("[data-testid=stSidebarNavLink]")) {
      document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
    }
    // What is chosen at the foot comes into sight.
    if (!narrow.matches || !on(".st-key-show [role=tablist], .st-key-view [role=tablist], .st-key-part")) return;
    close();
    const part = document.querySelector(".st-key-parts"), { top } = part.getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) part.scrollIntoView();
  }, true);

  // The part that an address opens may lie past the end of the row.
  let seen = null, due = false;
  const reveal = () => {
    due = false;
    const row = document.querySelector(".st-key-show, .st-key-view, .st-key-part");
    const on = row?.querySelector("[aria-selected=true], [aria-checked=true]");
    if (on && on !== seen) on.scrollIntoView({ block: "nearest", inline: "center" });
    seen = on;
  };
  new MutationObserver(() => {
    if (due || !narrow.matches) return;
    due = true;
    requestAnimationFrame(reveal);
  }).observe(document.body, { childList: true, subtree: true });

  addEventListener("keydown", event => {
    const listed = document.querySelector("[role=listbox], [role=dialog]"); // Escape is theirs
    if (event.key === "Escape" && narrow.matches && !listed) close();
  }, true);
}
