"""Someone with a question: what they do at a page is counted, and nothing else is."""

from __future__ import annotations

from typing import Any


class Person:
    """Someone at a page of Playwright's; each click, key, filled field and drop is one action."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.actions = page, 0
        page.goto(url)

    def click(self, target: Any, **options: Any) -> None:
        """Click a locator, or what a role and an exact name find."""
        self._one(target).click(**options)
        self.actions += 1

    def fill(self, target: Any, text: str) -> None:
        """Type into a field and leave it with Enter."""
        field = self._one(target)
        field.fill(text)
        field.press("Enter")
        self.actions += 1

    def drop(self, target: Any, *files: Any) -> None:
        """Give files to a place that takes them, all at once."""
        self._one(target).set_input_files(list(files))
        self.actions += 1

    def _one(self, target: Any) -> Any:
        if isinstance(target, tuple):
            role, name = target
            return self.page.get_by_role(role, name=name, exact=True)
        return self.page.locator(target) if isinstance(target, str) else target
