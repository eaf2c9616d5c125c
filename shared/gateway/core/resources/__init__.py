"""Raw access: every operation of the catalogue, typed, permitted one by one. See the README beside this."""
