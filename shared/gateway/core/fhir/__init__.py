"""FHIR R4: the normalized objects as resources, and the reads and searches that bring them."""
