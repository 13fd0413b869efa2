"""The same trials on the test speakers, whose settings serve the validation speakers."""

from recipes.arabic.speakers_tuning import tuning

study = tuning("arabic-speakers-tuning-swapped", "test")
