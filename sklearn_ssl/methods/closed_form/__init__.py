"""Methods whose optimum is known, so that they take no gradient steps."""
