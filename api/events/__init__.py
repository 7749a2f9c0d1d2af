"""Live streams of what happens to alerts, and of scores, as Server-Sent Events."""
