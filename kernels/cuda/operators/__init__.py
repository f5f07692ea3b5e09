"""One operator a file: for each kernel its grid, its block and its arguments."""
