"""A small library of symmetry and equivariance, made to be read.

`import equivar` needs torch and numpy alone. Modules import only from the floors below their own;
the table of floors is in the README.
"""

__version__ = "0.1.0"
