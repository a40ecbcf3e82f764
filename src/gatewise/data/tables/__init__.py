"""Tables from CSV, Parquet and other files: the place of each row in its file, and the role of each column."""
