"""Tables from CSV, Parquet and other files: the place of each row, and the role of each column."""
