"""Looking inside: pictures of what a model does."""
