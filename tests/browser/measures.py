"""What browser tests measure of a page: how far things moved by themselves, words that break."""

from __future__ import annotations

from typing import Any

WATCH = """
window.moved = 0;
new PerformanceObserver(list => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
"""Run before a page: adds up its layout shifts, those after a deed of the person left out."""

_BROKEN = """selector => {
  const broken = [];
  for (const place of document.querySelectorAll(selector)) {
    const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const word of node.textContent.matchAll(/[^\\s-]+/g)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
        if (tops.size > 1) broken.push(word[0]);
      }
    }
  }
  return broken;
}"""


def broken_words(page: Any, selector: str) -> list[str]:
    """The words of these elements that stand on more than one line."""
    return list(page.evaluate(_BROKEN, selector))


def moved(page: Any) -> float:
    """The layout shift so far, of a page that began with WATCH."""
    return float(page.evaluate("window.moved"))
