"""What comes next, symbol by symbol or vector by vector, drawn at will; n-grams beside it."""
