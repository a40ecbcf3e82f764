"""Export to C99: one header and one source file without dependencies, allocation or global state."""
