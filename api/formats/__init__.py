"""An alert as other products name its parts: OCSF, ECS, CEF. Pure; docs/formats.md has the fields."""
