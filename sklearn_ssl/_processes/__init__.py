"""Training by several processes, which share the rows of the encoder's passes and do everything else alike."""
