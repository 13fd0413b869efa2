"""The stages of a training: what stays the same over their borders."""

from dataclasses import replace

from toy_speech import PLAIN, TINY, examples

from speechtl.feature_cache import FeatureCache
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.staged_training import StagedTraining
from speechtl.transfer import FineTuning
from speechtl.transfer.base import StreamSettings, TransferData


def test_features_that_are_kept_are_made_once_for_all_stages() -> None:
    """A resumed run enters a late stage at once, and must find the memory that the whole run has there."""
    labelled, _, tokenizers = examples(8)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers).requires_grad_(True)
    data, method = TransferData(labelled, tokenizers), FineTuning(unfreeze=0.5)
    method.adapt(model, data, 0)
    made: list[int] = []

    def featurize(clips: list) -> list:
        made.append(len(clips))
        return model.featurize(clips)

    rate = model.inputs.feature_rate * 4
    cache = FeatureCache(featurize, 1.01e-9 * rate * labelled.seconds.sum(), rate)
    stages = StagedTraining(model, method, data, StreamSettings(30.0, 0, PLAIN, cache=cache), 40)
    for step in range(0, 40, 5):
        stages.enter(step, model)
        stages.batch(step)
    assert sum(made) == len(labelled)
    alone = StagedTraining(model, method, data, replace(StreamSettings(30.0, 0, PLAIN), cache=None), 40)
    assert stages.batch(39).ids == alone.batch(39).ids
