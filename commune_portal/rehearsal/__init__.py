"""The main job in real processes, to prove an installation."""
