"""The exchange as a model: offices and a node, a link that does its worst, and what must hold when it is quiet."""
