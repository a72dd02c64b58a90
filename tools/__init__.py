"""What is used to make the package's files, and is no part of it."""
