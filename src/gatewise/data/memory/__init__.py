"""Data in memory, written as files that the readers read: one path for Python and for the command line."""
