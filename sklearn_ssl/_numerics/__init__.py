"""Linear algebra on few rows, and spectra."""
