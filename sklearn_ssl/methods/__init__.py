"""One file a method; this folder is the catalogue."""
