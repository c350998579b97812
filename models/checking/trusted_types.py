"""Types that a model's file may hold: all are known to be harmless."""

from __future__ import annotations

from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import ModelError
from streamsim.streams.spec import Estimator

TRUSTED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "streamsim.models.kept_columns.KeptColumns",
    "streamsim.models.composed.Composed",
)
"""Types beyond skops' own list that any artefact may hold. TreePredictor is a plain container of
arrays; its constructor runs no code from the file. A domain's recipe may name more."""


def packed(model: str, estimator: Estimator) -> bytes:
    """Return an estimator as the bytes of a file.

    Raises
    ------
    ModelError
        If it holds a type that is not trusted, so that it could not be loaded.
    """
    import skops.io

    blob: bytes = skops.io.dumps(estimator)
    trusted_types(model, blob)
    return blob


def trusted_types(what: str, blob: bytes) -> list[str]:
    """Return the types that an artefact may hold; refuse it if it holds any other.

    Domains are loaded only if it holds types beyond the common list.
    """
    import skops.io

    trusted = set(TRUSTED)
    try:
        unknown = set(skops.io.get_untrusted_types(data=blob)) - trusted
    except Exception as error:  # of any kind: the file may be of another's making
        raise ModelError(f"{what} cannot be read: {error!r}"[:500]) from None
    if unknown:
        trusted |= {
            name for own in domain_names() for name in load_domain(own).model.recipe.trusted
        }
    if refused := unknown - trusted:
        raise ModelError(f"{what} holds untrusted types: {', '.join(sorted(refused))}")
    return sorted(trusted)
