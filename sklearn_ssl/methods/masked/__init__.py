"""Methods that hide parts of a series and predict them."""
