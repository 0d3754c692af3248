"""The evaluation as a page: what was confused and why, what the threshold does, and what to do about it."""
