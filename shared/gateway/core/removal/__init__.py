"""Taking a practice away, down to a certificate of erasure; see the README beside this."""
