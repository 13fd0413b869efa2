"""English alone, as the multilingual source is trained."""

from recipes.monolingual._alone import alone

experiment = alone("english", "english_speech_commands")
