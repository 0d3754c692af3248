"""Command lines over the packages; nothing imports them."""
