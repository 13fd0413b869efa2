"""The base model without the other half of the words: it hears the second half, and four words that it needs.

These are the only words with their letters. Its tests are what it has heard and what not.
"""

from recipes.arabic._halves import base_of

experiment = base_of("second")
