"""The workshop's child process: `python -m commune_portal.signing`; started by `workshop.Workshop` only."""

from commune_portal.signing.workbench import main

main()
