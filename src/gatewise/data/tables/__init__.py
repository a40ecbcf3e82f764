"""Tables from CSV and Parquet files: the place of each row in its file, and the role of each column."""
