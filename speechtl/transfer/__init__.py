"""Transfer methods: one file, one class each; the base class is fine-tuning."""

from speechtl.transfer.adabn import AdaBN
from speechtl.transfer.adapters import Adapters
from speechtl.transfer.base import Transfer
from speechtl.transfer.batch_norm_statistics import BatchNormStatistics
from speechtl.transfer.composed import Composed
from speechtl.transfer.coral import CORAL
from speechtl.transfer.dann import DANN
from speechtl.transfer.domain_batch_norm import DomainBatchNorm
from speechtl.transfer.ewc import EWC
from speechtl.transfer.fine_tuning import FineTuning
from speechtl.transfer.input_affine import InputAffine
from speechtl.transfer.interpolation import Interpolated
from speechtl.transfer.joint_training import JointTraining
from speechtl.transfer.kl_regularised import KLRegularised
from speechtl.transfer.l2_sp import L2SP
from speechtl.transfer.layer_transfer import LayerTransfer
from speechtl.transfer.lhuc import LHUC
from speechtl.transfer.lora import LoRA
from speechtl.transfer.mixed_batches import MixedBatches
from speechtl.transfer.mmd import MMD
from speechtl.transfer.norm_affines import NormAffines
from speechtl.transfer.pseudo_labels import PseudoLabels
from speechtl.transfer.source_replay import SourceReplay
from speechtl.transfer.speaker_moments import SpeakerMoments
from speechtl.transfer.vtln import VTLN

__all__ = [
    "CORAL",
    "DANN",
    "EWC",
    "L2SP",
    "LHUC",
    "MMD",
    "VTLN",
    "AdaBN",
    "Adapters",
    "BatchNormStatistics",
    "Composed",
    "DomainBatchNorm",
    "FineTuning",
    "InputAffine",
    "Interpolated",
    "JointTraining",
    "KLRegularised",
    "LayerTransfer",
    "LoRA",
    "MixedBatches",
    "NormAffines",
    "PseudoLabels",
    "SourceReplay",
    "SpeakerMoments",
    "Transfer",
]
