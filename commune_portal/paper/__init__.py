"""What is printed, and what is read from a PDF's text layer."""
