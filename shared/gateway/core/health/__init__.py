"""Whether the deployment, and each practice of it, is well: from what is kept already, without a call of anybody."""
