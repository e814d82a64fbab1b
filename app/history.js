// One history entry for each visit to a page, holding that page's parameters.
// Streamlit takes the parameters of the page that is left out of the address, as an entry of its
// own, before it pushes the next page: Back would then open the page at its defaults. So whatever
// Streamlit pushes for the same page replaces the entry, and the address as it was when the person
// clicked is put back before the next page is pushed. After Back, Streamlit takes what controls hold
// out of the address while it draws the page again: until the person does something, what they came
// back to stays.
if (!window.onePageOneEntry) {
  window.onePageOneEntry = true;
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let left = null, returned = null;
  const forget = () => { left = null; returned = null; };
  for (const deed of ["click", "keydown", "pointerdown"]) addEventListener(deed, forget, true);
  addEventListener("popstate", () => { left = null; returned = new URL(location.href); }, true);
  history.replaceState = (state, unused, url) => {
    const next = new URL(url ?? location.href, location.href);
    const emptied = next.pathname === returned?.pathname
      && [...returned.searchParams.keys()].some(key => !next.searchParams.has(key));
    replace(state, unused, emptied ? returned.href : next.href);
  };
  history.pushState = (state, unused, url) => {
    const next = new URL(url ?? location.href, location.href);
    if (next.pathname === location.pathname) {
      left ??= location.href;
      history.replaceState(state, unused, next.href);
    } else {
      if (left) history.replaceState(state, unused, left);
      forget();
      push(state, unused, next.href);
    }
  };
}
