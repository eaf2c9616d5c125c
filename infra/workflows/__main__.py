"""`python -m infra.workflows`: draws the diagrams of the README anew."""

from infra.workflows.pages import README, renewed

README.write_text(renewed(README.read_text()))
