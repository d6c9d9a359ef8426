"""Methods whose optimum is known: no gradient steps."""
