"""What-if: which alerts another budget, or recorded windows, would have raised."""
