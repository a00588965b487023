"""Personal data that no contract declares: detectors as data, and where they look."""
