"""DomainBatchNorm: the target domain goes through batch norms of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from speechtl.faults import counted, listed
from speechtl.models.inserted import Insertion
from speechtl.models.inserted_norm import norms_of
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.inserting import refuse_head_only
from speechtl.transfer.passes import inputs_of

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

KIND = "batch_norm"


@dataclass(frozen=True)
class DomainBatchNorm(Transfer):
    """Each batch norm has statistics, and a scale and shift, of its own for the target domain.

    All else is shared, in one forward pass over both domains. Whose norms an utterance goes through, in
    training and in use, is told by its `domain`: those of the unlabelled speech each have norms of their own,
    every other and unknown domain goes through the source's. Test speech of the target must therefore say its
    domain, in the corpus's column or by `--domain`. The norms begin as the source's, or from scratch as
    untrained ones.

    It adds no term. A scale and shift of the target's own are trained only where a term goes through the
    target's speech, as with DANN, MMD or pseudo-labels beside it (`Composed`) or some labelled target speech;
    with none they would stay where they began, while the source's move on; so they are shared by default.
    Source: Chang, You, Seo, Kwak and Han 2019, Domain-specific batch normalization for unsupervised domain
    adaptation, section 3.2.
    """

    affine: Literal["own", "shared"] = "shared"
    """Whether the target has a scale and shift of its own behind its statistics, or shares the source's."""

    hears_unlabelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_head_only(self.trains, "DomainBatchNorm")

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse models without batch norms, and speech that does not tell the domains apart."""
        if not any(norms_of(block) for block in model.blocks().values()):
            raise ValueError(
                "DomainBatchNorm gives batch norms to the target domain, and the model has none, as models "
                "with layer norms alone; take a method that needs no batch norms, such as CORAL or DANN"
            )
        domains = domains_of(data)
        if all(domain in domains for domain in data.target.domains):
            raise ValueError(
                f"all labelled speech is of the domain {listed(domains)}, as the unlabelled speech is, so "
                "nothing would go through the source's batch norms. Give the two different values in their "
                "corpora's column `domain`"
            )
        for one in model.inserted.insertions:
            known = set(one.keys) & set(domains)
            if one.kind == KIND and known and one.options["affine"] != self.affine:
                raise ValueError(
                    f"the source has batch norms for {listed(sorted(known))} whose affine is "
                    f"{one.options['affine']}; set --method.affine {one.options['affine']}"
                )

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Copy the batch norms of every block for the domains that have none of their own yet."""
        heard = inputs_of(model, data.unlabelled_speech)
        for block, module in model.blocks().items():
            names = list(norms_of(module))
            if names and (block in heard or block not in model.inputs.blocks()):
                present = [o for o in model.inserted.insertions if (o.kind, o.block) == (KIND, block)]
                known = {key for one in present for key in one.keys}
                if keys := tuple(domain for domain in domains_of(data) if domain not in known):
                    options = {"affine": self.affine, "norms": names}
                    model.insert(Insertion(KIND, block, "domain", keys, options, number=len(present) + 1))


def domains_of(data: TransferData) -> list[str]:
    """The domains of the unlabelled speech, sorted.

    Raises:
        ValueError: some of it does not say its own.
    """
    told = data.unlabelled_speech.domains
    if missing := sum(domain is None for domain in told):
        raise ValueError(
            f"{counted(missing, 'utterance')} of {len(told)} of the unlabelled speech "
            f"{'does' if missing == 1 else 'do'} not say the domain, by which utterances find their batch "
            "norms. Fill the column `domain` of its corpus, and of the test speech of that domain, or say it "
            "of all of a corpus: --unlabelled.0.as-domain NAME --tests.0.as-domain NAME"
        )
    return sorted({domain for domain in told if domain is not None})
