"""Four words in two corpora, labels in one: the rows of `english/to_commands` and `english/to_digits`."""
