"""What each step is, or which text a sequence holds: taggers, CTC, and what they must beat."""
