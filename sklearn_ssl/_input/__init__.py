"""What users hold, turned into collections, labels and masks."""
