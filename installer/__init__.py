"""What `install.py` is made of. It needs nothing but Python itself."""
