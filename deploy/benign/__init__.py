"""Do the default rules stay silent on healthy services? Real containers, load, and verdicts."""
