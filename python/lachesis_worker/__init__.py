"""The Python inside worker processes: executes one uploaded script and steps its estimator through records.

Imports the standard library and numpy only; what an estimator needs beyond that comes from a plugin.
"""
