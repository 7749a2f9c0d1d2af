"""Static rules on this node's live events: subscription, fields, matching, alerts."""
