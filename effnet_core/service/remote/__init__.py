"""The service on other machines: what asks it, what answers there, and what goes between them.

`client.RemoteService` is an `InferenceService` that asks an engine; `engine.serve` is the engine,
behind LitServe; `wire` is what both say. `api` and `metrics` are the engine's other doors.
"""
