"""Questions that can take long: answered in processes of their own, under a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution import Attribution, Method, find_method
from effnet_core.cost.report import analyze
from effnet_core.engines.predictor import Predictor
from effnet_core.engines.probe import ProbedSize, probe
from effnet_core.errors import DoesNotFit
from effnet_core.latency import LatencyMeasurement, Protocol, measure_runtime
from effnet_core.limits import MAX_EXPORTED_BYTES, MAX_VERIFIED_MULT_ADDS
from effnet_core.service.exporting import Exporting
from effnet_core.service.requests import ProbeRequest
from effnet_core.weights.sources import Source

if TYPE_CHECKING:
    from effnet_core.network.verify import Verification


TimedBy = Literal["torch", "runtime"]


class Slow(Exporting):
    """The part of `InferenceService` whose answers can take long.

    Each is worked on in a process of its own, which is ended at its deadline or as soon as nobody
    wants the answer, and stands behind all that is answered at once. With `apart` False it is
    worked on here. All raise Busy where many such questions wait, and OutOfTime.
    """

    def probe(self, request: ProbeRequest) -> tuple[ProbedSize, ...]:
        """What one model says of a picture at each size; raises what `classify` raises."""
        if self._apart:
            sooner = "ask for fewer and smaller sizes, or a smaller model"
            return cast(
                "tuple[ProbedSize, ...]",
                self._in_time(sooner, "probe", request.weights, request),
            )
        source = self._models.source(request.weights)
        return probe(
            source.load() if isinstance(source, Source) else source,
            request.image,
            request.sizes,
            class_index=request.class_index,
            device=self._device,
            dtype=self._dtype,
            graphs=self._models.graphs if isinstance(source, Source) else None,
        )

    def reference_range(self, attribution: Attribution) -> float:
        """`Attribution.reference_range`, measured apart unless it is known; raises DoesNotFit."""
        if self._apart and not attribution.reference.is_known:
            sooner = "ask for a map of fewer passes, or of a smaller model"
            return float(self._in_time(sooner, "reference_range", "", attribution))
        return attribution.reference_range

    def measure_spec(
        self,
        spec: ArchitectureSpec,
        *,
        repeats: int = 20,
        engine: TimedBy = "torch",
    ) -> LatencyMeasurement:
        """Time any architecture here with random weights: by torch, or by ONNX Runtime on the CPU.

        Raises DoesNotFit or InvalidInput.
        """
        if self._apart:
            sooner = "ask for fewer runs, or a smaller network"
            found = self._in_time(sooner, "measure_spec", "", spec, repeats=repeats, engine=engine)
            return cast("LatencyMeasurement", found)
        if engine == "runtime":
            return measure_runtime(spec, Protocol(repeats=repeats))
        from effnet_core.latency.torch_timing import measure_spec

        return measure_spec(spec, device=self._device, dtype=self._dtype, repeats=repeats)

    def verify(self, spec: ArchitectureSpec) -> Verification:
        """The computed cost beside fvcore's and torch's counts of the network itself.

        Raises DoesNotFit past 100 B multiply-adds.
        """
        if analyze(spec).totals.mult_adds > MAX_VERIFIED_MULT_ADDS:
            raise DoesNotFit(
                "One forward pass of this network takes more than 100 B multiply-adds, too many to "
                "count here while you wait: use `effnet cost --verify` on the command line."
            )
        if self._apart:
            sooner = "use `effnet cost --verify` on the command line"
            return cast("Verification", self._in_time(sooner, "verify", "", spec))
        from effnet_core.network.verify import verify

        return verify(spec)

    def untrained_onnx(self, spec: ArchitectureSpec, seed: int) -> bytes:
        """A network with random weights as an ONNX file; raises DoesNotFit past 512 MB of them."""
        if analyze(spec).totals.weight_bytes > MAX_EXPORTED_BYTES:
            raise DoesNotFit(
                "This network's weights take more than 512 MB, too many for a download here: use "
                "`effnet export --format onnx` on the command line."
            )
        if self._apart:
            sooner = "use `effnet export --format onnx` on the command line"
            return bytes(self._in_time(sooner, "untrained_onnx", "", spec, seed))
        from effnet_core.network.build import build
        from effnet_core.network.export import onnx_bytes

        return onnx_bytes(build(spec, seed=seed))

    def untrained_python(self, spec: ArchitectureSpec) -> str:
        """A network as a Python file that needs torch alone."""
        if self._apart:
            return str(self._elsewhere("untrained_python", "", spec))
        from effnet_core.network.export import to_python

        return to_python(spec)

    def _makes_way(self, predictor: Predictor) -> bool:
        """Whether what takes a model more than a pass is made apart, as it is from B3 on."""
        return self._apart and predictor.is_heavy

    def _by_many_passes(self, method: str, name: str, weights: str, *arguments: Any) -> Any:
        """As `_in_time`, with what makes an attribution method take fewer passes."""
        sooner = _sooner(find_method(method))
        return self._in_time(sooner, name, weights, *arguments)


def _sooner(method: Method) -> str:
    fewer = f"choose {method.sooner} for {method.title}, " if method.sooner else "choose "
    return f"{fewer}a smaller model, or Grad-CAM, which takes one pass"
