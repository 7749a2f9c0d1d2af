"""How well the learner does on recorded data: splits, metrics, comparators; pure numpy and scikit-learn."""
