"""What callers send to the writes of each object, and the use cases that take it: one module an object."""
