"""Text in, ranked intents out: the pipeline, the network, its training and the decision. Imports `intents` only."""
