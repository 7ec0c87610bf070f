"""Pages and the node's machine door: parse, one verb, render."""
