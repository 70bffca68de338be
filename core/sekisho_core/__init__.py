"""The vocabulary that all rooms share, and the way a mail takes through them."""
