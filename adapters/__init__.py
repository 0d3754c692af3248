"""Platform adapters: a chat event in, an `IncomingMessage` out; a `Reply` in, messages sent.

An adapter imports its platform's library and this package, nothing else of Parley.
"""
