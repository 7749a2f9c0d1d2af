"""One module for each kind of receiver: what its address is, and how a message gets there."""
