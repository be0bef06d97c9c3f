"""OpenVINO's own form of a bundle's networks, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.image import Array
from tumorscope.inference.runtimes.base import ConversionError

if TYPE_CHECKING:
    from torch import Tensor, nn

log = logging.getLogger(__name__)


def import_openvino() -> Any:
    """Import OpenVINO without its usage statistics, which would go over the network at import."""
    if "openvino" in sys.modules or "openvino_telemetry" in sys.modules:
        import openvino

        return openvino
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # OpenVINO then uses its own stub
    try:
        import openvino
    finally:
        del sys.modules["openvino_telemetry"]
    return openvino


def cache_folder() -> Path:
    """Return ``TUMORSCOPE_CACHE``, else the user's cache folder for this package."""
    named = os.environ.get("TUMORSCOPE_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tumorscope"


def read_models(core: Any, bundle: Bundle) -> list[Any]:
    """Return one OpenVINO model per member, input (-1, C, H, W), or (1, C, D, H, W) for networks that see volumes.

    They come from the cache; a missing or damaged entry is made anew from the weights (this needs PyTorch and about
    four seconds). If the cache folder cannot be written, the models are used from memory.

    Args:
        core: ``openvino.Core()``.
        bundle: The trained model.

    Raises:
        InputError: if the weights are damaged.
        ConversionError: if OpenVINO cannot run the network.
    """
    folder = cache_folder() / "openvino" / _key(bundle)
    names = [f"network-{i}" for i in range(len(bundle.manifest.members))]
    if _intact(folder, names):
        try:
            return [core.read_model(str(folder / f"{name}.xml")) for name in names]
        except RuntimeError as error:
            log.info("The cached model %s cannot be read (%s): converting it again.", folder, error)
    models = [_convert(core, network, bundle) for network in bundle.load_networks()]
    try:
        _store(models, folder, names)
    except OSError as error:
        log.warning("The converted model cannot be kept in %s (%s): every run will convert it again.", folder, error)
    return models


def _key(bundle: Bundle) -> str:
    """Return a name that changes with the weights, the network, its input, this package and OpenVINO."""
    import tumorscope

    manifest = bundle.manifest
    weights = [manifest.weights_sha256.get(m) or _sha256(bundle.folder / m) for m in manifest.members]
    network = [manifest.network, manifest.network_args, manifest.preprocess.channels, manifest.preprocess.input_size]
    facts = [weights, network, manifest.outputs.channels, tumorscope.__version__, import_openvino().__version__]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _intact(folder: Path, names: list[str]) -> bool:
    """Whether every file of the entry is there with the content it was written with."""
    try:
        wanted = json.loads((folder / "sha256.json").read_text(encoding="utf-8"))
        files = [f"{name}.{kind}" for name in names for kind in ("xml", "bin")]
        return all(_sha256(folder / file) == wanted[file] for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _store(models: list[Any], folder: Path, names: list[str]) -> None:
    """Write the entry beside its place and move it there in one step."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    try:
        for model, name in zip(models, names, strict=True):
            try:
                import_openvino().save_model(model, str(scratch / f"{name}.xml"), compress_to_fp16=False)
            except RuntimeError as error:  # OpenVINO's word for a full disk
                raise OSError(str(error).splitlines()[0]) from error
        hashes = {p.name: _sha256(p) for p in scratch.iterdir()}
        (scratch / "sha256.json").write_text(json.dumps(hashes), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        scratch.replace(folder)
    except OSError:
        if not _intact(folder, names):  # else another process stored the same meanwhile
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _convert(core: Any, network: nn.Module, bundle: Bundle) -> Any:
    """Turn a bundle's network into an OpenVINO model."""
    preprocess = bundle.manifest.preprocess
    fixed = preprocess.patch is not None  # windows come one by one: two at once would only take more memory
    shape = (preprocess.channels, *preprocess.input_size)
    try:
        return convert(core, network.requires_grad_(False), shape, fixed)
    except _DifferenceError as error:
        raise _not_convertible(bundle, str(error)) from error


class _DifferenceError(Exception):
    """OpenVINO lacks something, or computes something else."""


def convert(core: Any, network: nn.Module, shape: tuple[int, ...], fixed: bool = False) -> Any:
    """Trace ``network``, turn it into an OpenVINO model and make sure that both give the same.

    The front end is called directly: ``openvino.convert_model`` gives the same graph but takes ten seconds more.

    Args:
        core: ``openvino.Core()``.
        network: In evaluation mode.
        shape: Of one input, without the batch.
        fixed: Whether inputs come one by one.
    """
    import torch

    ov = import_openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.randn(1 if fixed else 2, *shape, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's; what it warns of is checked below
            expected = network(example).numpy()
            traced = torch.jit.trace(network, example[:1], check_trace=False)  # type: ignore[no-untyped-call]
        front_end = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)  # must outlive the conversion
        model = front_end.convert(front_end.load(decoder))
        model.reshape({0: ov.PartialShape([1 if fixed else -1, *shape])})
        found = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([example.numpy()])[0]
    except Exception as error:  # whatever an operation that OpenVINO lacks leads to
        raise _DifferenceError(str(error).strip().splitlines()[-1]) from error
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    if not difference <= 1e-2 * max(1.0, float(np.abs(expected).max())):
        raise _DifferenceError(f"logits that differ by {difference:.3g}")
    return model


def fast_function(compute: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Callable[[Array], Array]:
    """Return ``compute`` as a function of arrays, run by OpenVINO where that is installed and can, else by PyTorch.

    Measured for the frozen stages of a classifier in bfloat16: OpenVINO takes a tenth of PyTorch's time.

    Args:
        compute: Maps (B, …) to (B, …) without any randomness; its weights need no gradient.
        shape: Of one input, without the batch.
    """
    import torch
    from torch import nn

    class Wrapped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return compute(x)

    def by_torch(batch: Array) -> Array:
        with torch.inference_mode():
            return np.asarray(compute(torch.from_numpy(batch)).numpy())

    if find_spec("openvino") is None:
        return by_torch
    core = import_openvino().Core()
    try:
        with torch.no_grad():
            model = convert(core, Wrapped().eval(), shape)
    except _DifferenceError as error:
        log.warning("OpenVINO cannot run this network (%s): torch takes ten times as long.", error)
        return by_torch
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    request = core.compile_model(model, "CPU", options).create_infer_request()

    def by_openvino(batch: Array) -> Array:
        request.infer([np.ascontiguousarray(batch, dtype=np.float32)])
        return np.array(request.get_output_tensor(0).data, dtype=np.float32)

    return by_openvino


def _not_convertible(bundle: Bundle, reason: str) -> ConversionError:
    return ConversionError(
        expected=f"that OpenVINO runs the network '{bundle.manifest.network}' as PyTorch does",
        found=reason[:200],
        fix="Use --runtime torch",
    )
