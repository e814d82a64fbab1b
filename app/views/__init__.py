"""One module a page, each with a `render()` that reads controls, asks the core and draws."""
