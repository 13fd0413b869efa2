"""A rare accent of a Common Voice release, from speech without labels: DANN over the release's accents.

A template: the release's column `accents` is the domain, and its user names the release and the accents, as
the column has them. Labelled is speech with common accents, unlabelled that with a rare one, which is tested:

    speechtl run common_voice/accents --target.corpus cv-corpus-21.0/en
        --target.domains "United States English" "England English"
        --unlabelled.0.corpus cv-corpus-21.0/en --unlabelled.0.domains "Scottish English"
        --tests.0.corpus cv-corpus-21.0/en --tests.0.domains "Scottish English"

Dev is that of the labelled accents; the splits share no speakers, as the release has them. The control on the
same batches is `--method.weight 0`. A recipe of one's own says the same by `across`.
"""

from speechtl.corpus_spec import YOUR_CORPUS, corpus
from speechtl.experiment import Experiment
from speechtl.train_settings import TrainSettings
from speechtl.transfer import DANN


def across(
    release: str, labelled: tuple[str, ...], unlabelled: tuple[str, ...], language: str | None = None
) -> Experiment:
    """From some accents of a release, with labels, to others, without.

    Args:
        release: Its folder.
        labelled: Accents whose train split is labelled.
        unlabelled: Accents whose train split is heard without labels, and whose test split is scored.
        language: The orthography, where the release's code does not tell it.
    """
    return Experiment(
        name="common-voice-accents",
        target=corpus(release, "train", language=language, domains=labelled),
        tests=(corpus(release, "test", language=language, domains=unlabelled),),
        unlabelled=(corpus(release, "train", language=language, domains=unlabelled),),
        method=DANN(over="accent", weight=0.1),
        train=TrainSettings(steps=6000, batch_seconds=120),
    )


experiment = across(YOUR_CORPUS, (), ())
