"""Methods that rebuild series from few numbers, or make new ones."""
