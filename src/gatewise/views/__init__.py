"""What people look at: pictures and tables of what networks answered, and the report."""
