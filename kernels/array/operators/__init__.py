"""One operator a file; the first argument of each kernel is the space that its arrays live in."""
