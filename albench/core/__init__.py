"""Names, values, schema, errors: what everything may know."""
