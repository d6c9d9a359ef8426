"""Modules that moved since version 0.1.0: one clear error where a pickle names them."""

import sys

MOVED = {
    *("_closed_form_transformer", "_device", "_docs", "_encoder_transformer", "_fingerprint", "_hyperparameters"),
    *("_labels", "_low_rank", "_modes", "_module_value", "_net", "_padding", "_seed", "_series", "_spectrum"),
    *("_validation", "_vectors"),
    *(f"callbacks.{name}" for name in ("_checkpoint", "_guards", "_progress", "_schedule")),
    *(f"methods.{name}" for name in ("barlow_twins", "byol", "closed_form_vicreg", "contrastive_emp_ssl", "dino")),
    *(f"methods.{name}" for name in ("emp_ssl", "exemplar", "inst_disc", "lejepa", "moco", "moco_v2", "moco_v3")),
    *(f"methods.{name}" for name in ("multi_view", "simclr", "simper", "simsiam", "swav", "tico", "timemcl")),
    *(f"methods.{name}" for name in ("vicreg", "vicreg_tico", "wccn", "wmse")),
}


class MovedModules:
    """The last finder of modules that Python asks; it knows the former names and finds nothing."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Raise an ImportError if a module of this package had the name in version 0.1.0."""
        package, _, former = name.partition(".")
        if package == __package__ and former in MOVED:
            raise ImportError(
                f"The module {name} has moved: an earlier version of sklearn_ssl wrote the pickle that names it. A "
                "pickle, joblib file or checkpoint can be read by the version that wrote it only. Fit the estimator "
                "again. Or load it with that version, store its encoder by sklearn_ssl.persistence.save_encoder, and "
                "read the encoder here by load_encoder, which reads the files of earlier versions.",
                name=name,
            )


def install() -> None:
    """Ask `MovedModules` for modules that all other finders have not found."""
    if MovedModules not in sys.meta_path:
        sys.meta_path.append(MovedModules)
