"""Tables as users have them: where each row stands, and which column is which."""
