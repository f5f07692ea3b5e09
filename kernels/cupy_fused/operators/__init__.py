"""One operator a file: the expressions, and what they are called with."""
