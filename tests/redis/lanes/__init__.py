"""What is compared: one function per lane."""
