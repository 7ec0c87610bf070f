"""Tables and files: knows no verbs."""
