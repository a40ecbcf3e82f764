"""Taking a model elsewhere: the room for export, streaming and serving."""
