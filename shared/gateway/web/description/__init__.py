"""The whole API as one OpenAPI 3.1 document, made from the handlers and their models. No request ever needs it."""
