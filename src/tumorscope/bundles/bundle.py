"""Reading and writing bundles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tumorscope.bundles.manifest import Manifest
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import atomic_path, ensure_folder, write_text
from tumorscope.core.labels import SCHEMES, LabelScheme, custom_scheme

if TYPE_CHECKING:
    from torch import Tensor, nn

SHIPPED = Path(__file__).parent / "shipped"


def shipped_names() -> list[str]:
    """Return the names of the bundles inside the package."""
    return sorted(p.parent.name for p in SHIPPED.glob("*/bundle.json"))


@dataclass(frozen=True)
class Bundle:
    """A trained model.

    Attributes:
        folder: Where it lies.
        manifest: Its ``bundle.json``.
    """

    folder: Path
    manifest: Manifest

    @classmethod
    def load(cls, name_or_folder: str | Path) -> Bundle:
        """Open a shipped bundle by name, or any bundle by folder; a name wins over a folder of the same name.

        Raises:
            UsageError: if there is none of that name.
            InputError: if the folder is not a valid bundle.
        """
        shipped = str(name_or_folder) in shipped_names()
        folder = SHIPPED / str(name_or_folder) if shipped else Path(name_or_folder)
        path = folder / "bundle.json"
        if not path.is_file():
            raise UsageError(
                expected=f"a bundle folder or one of {', '.join(shipped_names()) or 'no shipped bundles'}",
                found=f"'{name_or_folder}'",
                fix="Name one of these, or a folder with bundle.json, as `tumorscope train` leaves in RUN/bundle",
            )
        try:
            return cls(folder, Manifest.model_validate_json(path.read_text(encoding="utf-8")))
        except (ValidationError, UnicodeDecodeError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
            where = ".".join(map(str, first["loc"]))
            raise InputError(
                expected="a valid bundle.json", found=f"{where}: {first['msg']} in {path}", fix="Export it again"
            ) from error

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.manifest.name

    @property
    def scheme(self) -> LabelScheme:
        """Label scheme of what it writes.

        Raises:
            InputError: if bundle.json names one that this version does not know.
        """
        name = self.manifest.scheme
        if name == "custom":
            return custom_scheme(self.manifest.classes)
        if name not in SCHEMES:
            raise InputError(
                expected=f"a label scheme out of {', '.join(SCHEMES)}",
                found=f"'{name}' in {self.folder / 'bundle.json'}",
                fix="Update tumorscope",
            )
        return SCHEMES[name]

    def build_network(self) -> nn.Module:
        """Return the untrained network in evaluation mode.

        Raises:
            InputError: if this version cannot build it.
        """
        from tumorscope.networks.build import build_network

        manifest = self.manifest
        arguments: dict[str, Any] = dict(manifest.network_args)
        if "encoder_weights" in arguments:
            arguments["encoder_weights"] = "none"
        try:
            made = manifest.image
            channels = (manifest.preprocess.channels, manifest.outputs.channels)
            channels = channels if made is None else (made.in_channels, made.out_channels)
            network = build_network(manifest.network, *channels, arguments)
        except UsageError as error:
            raise InputError(
                expected="a network that this version can build",
                found=f"{error.found} in {self.folder / 'bundle.json'}",
                fix="Update tumorscope, or export the bundle again",
            ) from error
        return network.eval()

    def load_networks(self) -> list[nn.Module]:
        """Return the trained networks (one per member) in evaluation mode, float32.

        Raises:
            InputError: if a weight file is missing, altered or does not fit the network.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        networks = []
        for member in self.manifest.members:
            path = self.folder / member
            self._check_hash(path)
            network = self.build_network()
            try:
                network.load_state_dict({k: v.float() for k, v in load_file(path).items()}, strict=True)
            except (RuntimeError, ValueError, SafetensorError) as error:
                reason = str(error).splitlines()[0]
                raise InputError(
                    expected="weights that fit the network", found=f"{reason} in {path}", fix="Export it again"
                ) from error
            networks.append(network)
        return networks

    def checked(self, name: str) -> Path:
        """Return the path of one of its files after making sure that it is as exported.

        Raises:
            InputError: if it is missing or altered.
        """
        self._check_hash(self.folder / name)
        return self.folder / name

    def _check_hash(self, path: Path) -> None:
        found = "" if path.is_file() else "no file"
        if not found and hashlib.sha256(path.read_bytes()).hexdigest() != self.manifest.weights_sha256.get(path.name):
            found = "other content"
        if found:
            raise InputError(
                expected=f"the weights {path.name} as exported",
                found=f"{found} at {path}",
                fix="Reinstall or export it again",
            )


def save_bundle(
    folder: str | Path,
    manifest: Manifest,
    states: list[dict[str, Tensor]],
    card: str,
    others: Mapping[str, Callable[[Path], None]] | None = None,
) -> Bundle:
    """Write a bundle: weights as fp16 safetensors, ``bundle.json``, ``card.md``.

    Integers, and tensors with values beyond what fp16 can hold, stay as they are.

    Args:
        folder: Created if needed.
        manifest: ``members`` and ``weights_sha256`` are filled in here.
        states: One state dict per member.
        card: Model card in Markdown.
        others: Further files by name, and what writes each.
    """
    from safetensors.torch import save_file

    folder = ensure_folder(folder)
    names = ["weights.safetensors"] if len(states) == 1 else [f"weights-{i}.safetensors" for i in range(len(states))]
    hashes = {}
    for name, state in zip(names, states, strict=True):
        with atomic_path(folder / name) as scratch:
            save_file({k: _half(v) for k, v in state.items()}, scratch)
        hashes[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    for name, write in (others or {}).items():
        with atomic_path(folder / name) as scratch:
            write(scratch)
        hashes[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    manifest = manifest.model_copy(update={"members": names, "weights_sha256": hashes})
    write_text(folder / "bundle.json", json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n")
    write_text(folder / "card.md", card)
    return Bundle(folder, manifest)


def _half(tensor: Tensor) -> Tensor:
    half = tensor.half() if tensor.is_floating_point() else tensor
    return (half if half.isfinite().all() else tensor).clone().contiguous()
