"""Input of every form, turned into collections, labels and masks."""
