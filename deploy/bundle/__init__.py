"""The parts of the bundle builder; `deploy/build_bundle.py` is the door."""
