"""The command `nonself evaluate`: reads recorded data, and shows how well the learner does on it.

The figures are computed in `model.evaluation`; here files are read, tables
printed, plots drawn and JSON written. Each kind of data is one module with a
function `evaluate`, listed in `api.evaluate.commands`.
"""
