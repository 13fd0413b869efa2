"""The source's languages one by one: the controls of multilingual training."""
