"""Bots of other makers into files of intents: one module a format. Nothing of a source is ever run or imported."""
