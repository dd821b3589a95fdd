"""Model or network → plan: reading and checking models, profiles, types, the build itself."""
