"""The worker: takes deltas from the inbox in order, scores them, learns them, raises what does not belong."""
