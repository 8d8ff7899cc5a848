"""The studio's pages, one a file."""
