"""Training that leaves out products with zeros, where there are enough of them."""
