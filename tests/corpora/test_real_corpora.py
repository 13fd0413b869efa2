"""What the real folders must give; each is decoded once per session, into a folder of its own."""

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from speechtl.augment import AugmentSettings
from speechtl.batches import Examples, Stream
from speechtl.cache import load_waveforms
from speechtl.corpus import Corpus
from speechtl.partition import text_keys
from speechtl.text import Tokenizer

FOUND = {
    "arabic_commands": 12_000,
    "cantonese_jyutnet": 5_358,
    "english_fsdd": 3_000,
    "english_speech_commands": 1_990,
    "mandarin_audio_cmn": 7_207,
    "taiwanese_moe": 4_000,
}
LEFT_OUT = {
    "arabic_commands": {"absent": 8_160},
    "mandarin_audio_cmn": {
        "ambiguous reading": 325,
        "r-coloured ending": 28,
        "pattern with a gap": 15,
        "outside the standard syllables": 28,
    },
}
HOURS = {
    "arabic_commands": 64 / 60,
    "cantonese_jyutnet": 1.77,
    "english_fsdd": 22 / 60,
    "english_speech_commands": 33 / 60,
    "mandarin_audio_cmn": 2.31,
    "taiwanese_moe": 1.88,
}
SPEAKERS = {
    "english_fsdd": (4, 1, 1),
    "english_speech_commands": (134, 13, 20),
    "arabic_commands": (18, 6, 6),
}
PrepareCorpus = Callable[[str], Corpus]
each_corpus = pytest.mark.parametrize("name", FOUND)


@each_corpus
def test_all_that_is_there_is_kept_or_counted(name: str, prepared_corpora: PrepareCorpus) -> None:
    corpus = prepared_corpora(name)
    assert dict(corpus.left_out) == pytest.approx(LEFT_OUT.get(name, {}), rel=0.1)
    assert len(corpus) + sum(corpus.left_out.values()) == FOUND[name]
    assert corpus.minutes / 60 == pytest.approx(HOURS[name], rel=0.02)


@each_corpus
def test_decoded_lengths_are_those_of_the_headers(name: str, prepared_corpora: PrepareCorpus) -> None:
    corpus = prepared_corpora(name)
    waveforms = load_waveforms(corpus)
    assert np.abs(waveforms.durations - np.array(corpus.column("duration"))).max() < 0.06
    assert waveforms.durations.min() > 0.1


@each_corpus
def test_batches_hold_under_five_percent_of_padding(name: str, prepared_corpora: PrepareCorpus) -> None:
    train = prepared_corpora(name).filter(split="train")
    waveforms = load_waveforms(train)
    tokenizers = {tag: Tokenizer.fit(train.column("text"), tag) for tag in train.languages}
    examples = Examples.of(train, waveforms, waveforms.durations, tokenizers)
    stream = Stream(examples, batch_seconds=24, seed=0, augment=AugmentSettings())
    assert stream.plan(0).padding_share < 0.05


@each_corpus
def test_splits_have_their_shares_and_share_nothing(name: str, prepared_corpora: PrepareCorpus) -> None:
    corpus = prepared_corpora(name)
    places = defaultdict(set)
    speakers = defaultdict(set)
    for utterance in corpus:
        speakers[utterance.split].add(utterance.speaker)
        for key in text_keys(utterance.language, utterance.text) if corpus.split_by == "text" else ():
            places[key].add(utterance.split)
    assert all(len(splits) == 1 for splits in places.values())
    if name in SPEAKERS:
        assert tuple(len(speakers[split]) for split in ("train", "dev", "test")) == SPEAKERS[name]
        assert (
            not speakers["train"] & speakers["dev"] | (speakers["train"] | speakers["dev"]) & speakers["test"]
        )
    else:
        shares = Counter(corpus.column("split"))
        for split, share in {"train": 0.8, "dev": 0.08, "test": 0.12}.items():
            assert shares[split] / len(corpus) == pytest.approx(share, abs=0.015)


@each_corpus
def test_nearly_all_units_of_the_test_occur_in_training(name: str, prepared_corpora: PrepareCorpus) -> None:
    corpus = prepared_corpora(name)
    texts = corpus.filter(split="train").column("text")
    tokenizer = Tokenizer.fit(texts, corpus.languages[0])
    unknown = 0
    for text in corpus.filter(split="test").column("text"):
        try:
            tokenizer.encode(text)
        except ValueError:
            unknown += 1
    assert unknown <= 0.01 * len(corpus.filter(split="test"))
