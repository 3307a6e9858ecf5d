"""What a check says of a window, one file per kind of check."""
