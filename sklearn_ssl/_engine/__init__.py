"""The training engine: a skorch net and what belongs to it. It knows no method."""
