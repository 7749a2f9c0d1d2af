"""Do the default rules stay silent on healthy services? Real containers, real load, the agent's own verdicts."""
