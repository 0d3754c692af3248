"""The shared engine and the process around it. Imports `adapters`, `model` and `intents`."""
