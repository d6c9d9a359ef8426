"""The catalogue of methods: one file per method, one folder per family."""
