"""Configuration as code: what a document may say, and what follows from it."""
