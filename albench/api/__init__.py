"""The same from Python: run a suite, read its results, and ask of them what the commands ask.

Every function takes a suite: a `Suite`, the path of its file, or the name of a shipped one. What
comes back shows itself as a table in a notebook and as text in a terminal.
"""
