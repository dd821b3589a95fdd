"""What the notebooks of the course keep to. ``tests.notebook_rules`` has the list of all rules.

A rule takes (path, notebook) and yields what is wrong, in words that say what to do.
"""
