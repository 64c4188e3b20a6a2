"""Frame and Axes -> Axes: one figure per function, no arithmetic."""
