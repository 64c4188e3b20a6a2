"""The commands, grouped in modules; each has `add_to(app)`. Heavy imports are local."""
