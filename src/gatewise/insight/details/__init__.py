"""Tables of what a network answered, one file a kind."""
