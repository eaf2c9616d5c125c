"""What the practice does beyond plain rows, one module a subject; importing this package registers all of them."""
