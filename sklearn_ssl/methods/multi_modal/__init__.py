"""Methods that align series with texts or metadata, or groups of channels with each other."""
