"""Model signature: a released model's features, alert threshold and reference values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from streamsim.streams.errors import ModelError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.statistics.reference_profile import Reference


@dataclass(frozen=True, slots=True)
class Signature:
    """A model version's contract with the workers that score with it.

    Parameters
    ----------
    model, version
        Its name on the inference protocol.
    features, feature_hash
        The columns it takes, and the fingerprint of their definition.
    threshold
        Scores from here on raise the domain's alert.
    reference
        Usual value of each feature (median of the genuine events it was trained on);
        explanations compare with it.
    ignored
        Columns that it takes and does not use: they explain nothing.
    estimates
        Names of the numbers that it estimates beside its score, in order.
    accuracy
        Threshold of its rolling accuracy; ``None``: that of the domain.
    profile
        How its features and its score were distributed in training; ``None`` for older releases.
    """

    model: str
    version: str
    features: tuple[str, ...]
    feature_hash: str
    threshold: float
    reference: tuple[float, ...]
    ignored: tuple[str, ...] = ()
    estimates: tuple[str, ...] = ()
    accuracy: float | None = None
    profile: Reference | None = None

    def monitored(self, spec: DomainSpec) -> DomainSpec:
        """Return a domain whose rolling accuracy has this model's threshold."""
        if self.accuracy is None:
            return spec
        own = replace(spec.alerting.accuracy, threshold=self.accuracy)
        return replace(spec, alerting=replace(spec.alerting, accuracy=own))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        profile = None if self.profile is None else self.profile.as_dict()
        return {**asdict(replace(self, profile=None)), "profile": profile}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Signature:
        """Read it back.

        Raises
        ------
        ModelError
            If a part is missing or of another shape.
        """
        try:
            profile = data.get("profile")
            signature = cls(
                str(data["model"]),
                str(data["version"]),
                tuple(data["features"]),
                str(data["feature_hash"]),
                float(data["threshold"]),
                tuple(float(x) for x in data["reference"]),
                tuple(str(name) for name in data.get("ignored", ())),
                tuple(map(str, data.get("estimates", ()))),
                None if data.get("accuracy") is None else float(data["accuracy"]),
                None if profile is None else Reference.from_dict(profile),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"not a model's signature: {error!r}") from error
        if len(signature.reference) != len(signature.features):
            raise ModelError("the signature's reference does not fit its features")
        if signature.profile is not None and signature.profile.names != signature.features:
            raise ModelError("the signature's profile does not fit its features")
        return signature

    def check(self, spec: DomainSpec) -> None:
        """Raise :class:`ModelError` unless its features and its estimates are those of the domain.

        The features must have the same fingerprint, the estimates the same names.
        """
        if (
            self.feature_hash != spec.features.fingerprint
            or self.features != spec.features.vector.names
        ):
            raise ModelError(
                f"model {self.model} {self.version} was trained on other features "
                f"({self.feature_hash}) than {spec.name} has now ({spec.features.fingerprint}); "
                f"train it anew: streamsim train {spec.name}"
            )
        wanted = tuple(estimate.name for estimate in spec.model.estimates)
        if self.estimates != wanted:
            raise ModelError(
                f"model {self.model} {self.version} estimates {', '.join(self.estimates) or '-'}, "
                f"but {spec.name} has {', '.join(wanted) or '-'}; "
                f"train it anew: streamsim train {spec.name}"
            )
