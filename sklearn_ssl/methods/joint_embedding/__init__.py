"""Methods that compare views of the same series."""
