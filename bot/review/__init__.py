"""The review page: what an admin looks at and does in a browser. Only what opens the page imports it whole."""
