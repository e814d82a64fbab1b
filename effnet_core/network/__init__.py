"""Any architecture as a torch module: built, initialised, verified, exported."""
