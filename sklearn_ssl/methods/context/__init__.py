"""Methods that ask about each series which change was applied, how its pieces are ordered, or what is hidden of it."""
