"""Forms and questions over a tab."""
