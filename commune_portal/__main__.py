"""`python -m commune_portal` is the same as the `commune-portal` command."""

from commune_portal.cli import main

if __name__ == "__main__":
    main()
