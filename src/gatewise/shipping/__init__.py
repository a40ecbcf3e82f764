"""Export, streaming and serving of trained models."""
