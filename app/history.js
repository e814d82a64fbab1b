// One history entry for each visit to a page, holding that page's parameters.
// Streamlit takes the parameters of the page that is left out of the address, as an entry of its
// own, before it pushes the next page: Back would then open the page at its defaults. So whatever
// Streamlit pushes for the same page replaces the entry, and the address as it was when the person
// clicked is put back before the next page is pushed.
if (!window.onePageOneEntry) {
  window.onePageOneEntry = true;
  const push = history.pushState.bind(history);
  let left = null;
  const forget = () => { left = null; };
  addEventListener("click", forget, true);
  addEventListener("popstate", forget, true);
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
