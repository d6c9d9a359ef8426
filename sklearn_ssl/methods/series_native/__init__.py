"""Methods that were made for series: they compare time steps and pieces of series."""
