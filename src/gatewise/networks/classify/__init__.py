"""What a whole sequence, image or clip is: recurrent networks, and what they must beat."""
