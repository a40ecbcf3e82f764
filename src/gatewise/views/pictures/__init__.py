"""Pictures of what networks answered, one file a kind."""
