"""Images and clips, with their classes or captions, from folders, tables and arrays."""
