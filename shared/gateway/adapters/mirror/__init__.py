"""The mirror's copies and states in one DynamoDB table. See README.md of this folder."""
