"""Helpers of the course *Convolutional neural networks in 21 days*.

Importing the package imports no framework and nothing heavy; each module loads what it needs when it is used.
"""

__version__ = "0.1.0"
