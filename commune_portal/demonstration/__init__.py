"""Two offices and a node on one PC with a year of fictional register."""
