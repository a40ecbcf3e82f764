"""A server of trained models: predictions, streams and texts over HTTP."""
