"""One Arabic speaker, adapted to by each method: the rows of `arabic/speakers`."""
