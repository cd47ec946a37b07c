"""The same bot in a simulated Discord in the browser, on the data that ships with it."""
