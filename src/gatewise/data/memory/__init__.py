"""Data in memory, written to files, so that Python and the command line share the same readers."""
