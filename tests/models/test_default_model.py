"""The default model stays what it is: published runs are repeated by their seed."""

import hashlib

import torch
from toy_speech import examples

from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel, ModelSettings

WEIGHTS = "e0a2c33d4c5eb11f00dcd6ca04648d142d98d2341077a40b6ac588dcc91025c8"
LOSSES = [7.772549, 5.957636, 6.039592]
STATE = [0.345907, -0.583781, -0.235239, 1.260177]


def test_the_same_seed_gives_the_same_weights_names_and_losses_as_ever() -> None:
    labelled, _, tokenizers = examples(3, ("en", "de"))
    model = AcousticModel(ModelSettings(), FeatureSettings(), tokenizers, seed=3)
    digest = hashlib.sha256()
    for name, value in model.named_parameters():
        digest.update(name.encode() + value.detach().numpy().tobytes())
    assert digest.hexdigest() == WEIGHTS
    batch = labelled.batch(range(3))
    losses = model.train().task_losses(model.encode(batch), batch)["ctc"]
    assert torch.allclose(losses, torch.tensor(LOSSES), rtol=1e-4)
    state = model.eval().encode(batch).states["main"][0, 5, :4]
    assert torch.allclose(state, torch.tensor(STATE), atol=1e-3)
