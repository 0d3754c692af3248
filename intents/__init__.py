"""The content: intents as an admin writes them, and what reads and checks them. Imports nothing else of Parley."""
