"""Frame -> frame: what the stored tables say. Of albench, only tables and errors are imported."""
