"""What is known of this node's processes, users and containers, kept up to date by events."""
