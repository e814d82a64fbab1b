"""`InferenceService`: answers in this process, from few models, with bounded waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from effnet_core.architecture.outputs import Activation
from effnet_core.attribution import (
    attribute,
    attribute_stages,
    find_method,
    grad_cam_classes,
)
from effnet_core.attribution.cell import CellArithmetic
from effnet_core.attribution.document import document, map_figure, to_html
from effnet_core.attribution.ledger import Ledger, ledger
from effnet_core.attribution.trust import Trust, trust_of
from effnet_core.engines.prediction import Prediction
from effnet_core.images import Preprocessing
from effnet_core.service.cards import stored_card
from effnet_core.service.requests import (
    CellRequest,
    Channels,
    ClassifyRequest,
    ExplainRequest,
    Explanation,
    LedgerRequest,
    ModelCard,
)
from effnet_core.service.slow import Slow
from effnet_core.service.uploads import Upload
from effnet_core.weights.checkpoints import LoadedWeights
from effnet_core.weights.published import find
from effnet_core.weights.reading.settings import Settings
from effnet_core.weights.reading.understood import Understood
from effnet_core.weights.sources import Source

_SOONER = "choose a smaller model"


class InferenceService(Slow):
    """Classifies and explains pictures for any number of threads at once.

    One lane a model: requests for the same model are answered one after the other, on the CPU two
    at a time with a third ready, for different models side by side. At most `max_queue` requests
    wait; a further one raises Busy straight away. At most `max_models` models are in memory, the
    least recently used is let go; a cold model is loaded once however many ask. No answer downloads
    anything. Pictures and uploaded checkpoints (at most `max_uploads`) stay in memory. What a model
    said of a picture is kept a while: asking again, or for the map of another class at the last
    stage, takes no pass, and `milliseconds` are then those of the pass that was taken. Graphs for
    ONNX Runtime are kept beside the store, those of uploads nowhere. Device and dtype hold for all
    models. Raises InvalidInput for an unknown device or dtype, EffnetError for an absent device.
    """

    def classify(self, request: ClassifyRequest) -> Prediction:
        """The most probable classes of one picture by one model.

        Raises Busy, ImageError, WeightsError, DoesNotFit or InvalidInput.
        """
        with self._room.admit(request.weights, self._visitor) as ticket:
            source, name = self._resolved(request)
            known = self._recent.get((name, source.identity))
            if known is None:
                with self._answered(request, source, name, ticket) as (_, known):
                    pass
            return known[0].with_top(request.top_k)

    def explain(self, request: ExplainRequest) -> Explanation:
        """Where one model looked for one class; raises what `classify` raises.

        By a method of many passes it can take long, as in `Slow`.
        """
        if self._apart and find_method(request.method).sooner:
            found = self._by_many_passes(request.method, "explain", request.weights, request)
            return cast("Explanation", found)
        with self._asked(request) as (predictor, (prediction, known)):
            attribution = attribute(
                predictor,
                predictor.inputs(prediction.pixels),
                class_index=_target(request, prediction),
                method=request.method,
                stage=request.stage,
                parameters=request.parameters,
                preprocessing=predictor.preprocessing,
                known=known,
            )
            return Explanation(prediction, attribution)

    def explain_stages(self, request: ExplainRequest) -> tuple[Explanation, ...]:
        """The map of every stage, stem first, head convolution last; `request.stage` is not read.

        Raises what `classify` raises, and InvalidInput for a method that knows no stages.
        """
        with self._asked(request) as (predictor, (prediction, _)):
            if not self._makes_way(predictor):
                maps = attribute_stages(
                    predictor,
                    predictor.inputs(prediction.pixels),
                    class_index=_target(request, prediction),
                    method=request.method,
                )
                return tuple(Explanation(prediction, attribution) for attribution in maps)
        found = self._in_time(_SOONER, "explain_stages", request.weights, request)
        return cast("tuple[Explanation, ...]", found)

    def explain_classes(self, request: ClassifyRequest) -> tuple[Explanation, ...]:
        """Last-stage Grad-CAM of every class, in index order; raises what `classify` raises."""
        with self._asked(request) as (predictor, (prediction, known)):
            if not self._makes_way(predictor):
                inputs = predictor.inputs(prediction.pixels)
                classes = range(len(prediction.classes))
                maps = grad_cam_classes(predictor, inputs, classes, known=known)
                return tuple(Explanation(prediction, attribution) for attribution in maps)
        found = self._in_time(_SOONER, "explain_classes", request.weights, request)
        return cast("tuple[Explanation, ...]", found)

    def trust(self, request: ExplainRequest) -> Trust:
        """Tests of one map, on the CPU in float32; raises as `explain`; can take long."""
        if self._apart:
            found = self._by_many_passes(request.method, "trust", request.weights, request)
            return cast("Trust", found)
        explained = self.explain(request)
        with self._asked(request) as (predictor, (prediction, _)):
            pass  # others need not wait: the tests have networks of their own
        return trust_of(predictor, prediction, explained.attribution, request.parameters)

    def ledger(self, request: LedgerRequest) -> Ledger:
        """How a logit adds up, from the pass that classified; raises what `classify` raises."""
        with self._asked(request) as (predictor, (prediction, known)):
            every = range(len(prediction.classes))
            return ledger(
                known,
                predictor.class_weights(every),
                predictor.class_biases(every),
                class_index=_target(request, prediction),
                against=request.against,
                one_logit=predictor.one_logit,
            )

    def document(
        self,
        request: LedgerRequest,
        picture: str,
        *,
        shown: ExplainRequest | None = None,
        trust: Trust | None = None,
    ) -> str:
        """The whole explanation as one HTML file; raises what `classify` raises.

        It shows the map `shown`, of the same picture and model, or Grad-CAM at the last stage, and
        `trust`, if that map was judged.
        """
        found = self.ledger(request)
        prediction = self.classify(ClassifyRequest(request.image, request.weights))
        source = self._models.source(request.weights)
        weights = source.stored if isinstance(source, Source) else source
        map_ = self.explain(
            shown
            or ExplainRequest(
                image=request.image, weights=request.weights, class_index=found.class_index
            )
        )
        return to_html(
            document(
                picture,
                prediction,
                found,
                weights=weights,
                licence=source.stored.licence if isinstance(source, Source) else "not stated",
                origin=weights.origin,
                figures=(map_figure(map_.prediction, map_.attribution),),
                trust=trust,
            )
        )

    def channels(self, request: ExplainRequest) -> tuple[Channels, ...]:
        """Every stage's channels by what they give one class's logit, stem first, head last.

        Stage and method are not read. Raises what `classify` raises.
        """
        with self._asked(request) as (predictor, (prediction, _)):
            if not self._makes_way(predictor):
                return self._cells.channels(predictor, prediction, _target(request, prediction))
        found = self._in_time(_SOONER, "channels", request.weights, request)
        return cast("tuple[Channels, ...]", found)

    def cell(self, request: CellRequest) -> CellArithmetic:
        """How one cell of a feature map came about, in the network's own numbers.

        The feature maps of a picture are kept a while: another cell takes no pass. Raises what
        `classify` raises, and InvalidInput for a cell that the model does not have.
        """
        with self._room.admit(request.weights, self._visitor) as ticket:
            source, name = self._resolved(request)
            with self._answered(request, source, name, ticket) as (predictor, (prediction, _)):
                if not self._makes_way(predictor):
                    key = name, source.identity
                    return self._cells.cell(predictor, prediction, key, request.cell)
        found = self._in_time(_SOONER, "cell", request.weights, request)
        return cast("CellArithmetic", found)

    def available(self, uploads: Sequence[str] = ()) -> tuple[ModelCard, ...]:
        """Bundled models first, then published and imported weights, then the uploads named by id.

        A session names its own uploads: others' are never listed.
        """
        return (*map(stored_card, self._store.sources()), *self._uploads.cards(uploads))

    def classes(self, weights: str) -> tuple[str, ...]:
        """A model's class names in index order; loads it only if nothing else knows them."""
        source = self._models.source(weights)
        known = source.answers if isinstance(source, LoadedWeights) else source.classes
        if known:
            return known
        with (
            self._room.admit(visitor=self._visitor) as ticket,
            self._models.use(source, ticket) as predictor,
        ):
            return predictor.classes

    def is_prepared(self, weights: str) -> bool:
        """Whether an answer of these weights waits for nothing but the weights and the pass.

        Else their first answer waits for a graph, made once by a process of its own.
        """
        return self._models.is_prepared(self._models.source(weights))

    def require(self, weights: str) -> None:
        """Raise WeightsError or CheckpointError with what to do, if these cannot be read."""
        source = self._models.source(weights)
        if isinstance(source, Source):
            source.read()

    def add_checkpoint(
        self,
        data: bytes,
        file_name: str,
        *,
        architecture: str | None = None,
        classes: Sequence[str] | None = None,
        preprocessing: Preprocessing | Settings | None = None,
        activation: Activation | None = None,
        weights_key: str | None = None,
        beside: Mapping[str, bytes] | None = None,
    ) -> ModelCard:
        """Keep an uploaded checkpoint in memory; its card's id is then asked for like any other.

        `beside` are other files that were sent with it. The oldest upload of whoever has most makes
        room. Raises Busy, CheckpointError, DataError or InvalidInput.
        """
        upload = Upload(
            files={file_name: data, **(beside or {})},
            architecture=architecture,
            classes=classes,
            preprocessing=preprocessing,
            activation=activation,
            weights_key=weights_key,
        )
        loaded = self._read_apart(upload.read)
        return self._uploads.keep(loaded, file_name, len(data), self._visitor.name)

    def understand_checkpoint(
        self,
        files: Mapping[str, bytes],
        *,
        architecture: str | None = None,
        classes: Sequence[str] | None = None,
        preprocessing: Preprocessing | Settings | None = None,
        activation: Activation | None = None,
        weights_key: str | None = None,
    ) -> Understood:
        """What `add_checkpoint` would take files for, by their names; raises what that raises."""
        upload = Upload(
            files=files,
            architecture=architecture,
            classes=classes,
            preprocessing=preprocessing,
            activation=activation,
            weights_key=weights_key,
        )
        return self._read_apart(upload.understand)

    def download(
        self, weights: str, progress: Callable[[int, int], None] | None = None
    ) -> ModelCard:
        """Fetch published weights into the store; `progress(done, total)` is called with bytes.

        Raises DownloadError, WeightsError or InvalidInput.
        """
        entry = find(weights)
        self._store.get(entry, progress)
        return stored_card(self._store.source(entry))


def _target(request: ExplainRequest | LedgerRequest, prediction: Prediction) -> int:
    """The class asked for or else the most probable; raises InvalidInput if there is none such."""
    if request.class_index is None:
        return prediction.top[0].index
    return prediction.of(request.class_index).index
