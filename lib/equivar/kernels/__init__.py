"""The hot paths: one algorithm each, as readable PyTorch and in a form that runs fast.

A function that has more than one form takes `form="auto"`; the tests hold the forms equal.
"""
