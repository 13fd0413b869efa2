"""One input for telephone and wideband speech, or one for each: `speechtl study english/bandwidths`."""

from speechtl.study import Study

study = Study(
    "english-bandwidths",
    ("english/one_input", "english/two_inputs"),
    seeds=(0, 1, 2, 3, 4),
    metric="closed_balanced",
)
