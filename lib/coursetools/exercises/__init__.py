"""Exercise sets: one hand-written percent source, two derived notebooks.

`solutions/NN_topic.py` is what an author writes. `solutions/NN_topic.ipynb` (executed) and
`exercises/NN_topic.ipynb` (what a student opens) are derived from it by `coursetools derive`, byte
for byte the same each time, and committed, so that a clone opens on Binder without a build.
"""
