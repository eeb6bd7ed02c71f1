"""The demo: a county IT officer, two villages and one whole star cycle, told as a story.

`stage` runs a real installation, `api` speaks HTTP GraphQL to it, the other modules are the acts of the play. Nothing but
the import of divisions, the demo clock and the audit verifier goes around the API.
"""
