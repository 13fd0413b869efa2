"""Your own corpus by fine-tuning the multilingual source: `speechtl run finetune --target.corpus PATH`.

Dev and tests are the corpus's own splits, or are carved out of it. The settings are those that serve three to
ten minutes of words; docs/recipes.md says what to change for hours of sentences.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as taiwanese
from speechtl.corpus_spec import YOUR_CORPUS, corpus

experiment = replace(
    taiwanese,
    name="finetune",
    target=corpus(YOUR_CORPUS),
    dev=(),
    tests=(),
    source_tests=None,
)
