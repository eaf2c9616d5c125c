"""Groups of practices: the record, who may use it, and looking for one person at all of them."""
