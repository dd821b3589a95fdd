"""The course itself: running and recording notebooks, their records and measurements."""
