"""Who is let in, how often, and how fast somebody may guess."""
