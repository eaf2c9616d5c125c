"""State machines, one `{name}.asl.json` each, and the page that tells of them."""
