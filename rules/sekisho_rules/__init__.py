"""What is known to be bad, and what to do about it."""
