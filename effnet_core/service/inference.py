"""`InferenceService`: answers in this process, from few models, with bounded waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution import attribute, attribute_stages, grad_cam_classes
from effnet_core.engines.predictor import Prediction, Predictor
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.images.resizing import edge_for
from effnet_core.latency.torch_timing import LatencyMeasurement, measure, measure_spec
from effnet_core.limits import MAX_MODELS_KEPT, MAX_QUEUE, MAX_UPLOADS_KEPT
from effnet_core.network.build import resolve_device, torch_dtype
from effnet_core.service.cards import answer_or_sentence, device_name, stored_card
from effnet_core.service.lanes import Ticket, WaitingRoom
from effnet_core.service.looks import Key, Looks, Seen, Subject
from effnet_core.service.models import Models
from effnet_core.service.pictures import Picture, Pictures, digest
from effnet_core.service.requests import (
    ClassifyRequest,
    DeviceInfo,
    ExplainRequest,
    Explanation,
    Failed,
    ModelCard,
)
from effnet_core.service.uploads import PREFIX, Uploads
from effnet_core.weights.bundled import find_bundled
from effnet_core.weights.published import find
from effnet_core.weights.store import WeightsStore


class InferenceService:
    """Classifies and explains pictures for any number of threads at once.

    One lane a model: requests for the same model are answered one after the other, on the CPU two
    at a time, for different models side by side. At most `max_queue` requests wait; a further one
    raises Busy straight away. At most `max_models` models are in memory, the least recently used is
    let go; a cold model is loaded once however many ask. No answer downloads anything. Pictures and
    uploaded checkpoints (at most `max_uploads`) stay in memory. What a model said of a picture is
    kept a while: asking again, or for the map of another class at the last stage, takes no pass,
    and `milliseconds` are then those of the pass that was taken. Graphs for ONNX Runtime are kept
    beside the store, those of uploads nowhere. Device and dtype hold for all models. Raises
    InvalidInput for an unknown device or dtype, EffnetError for an absent device.
    """

    def __init__(
        self,
        store: WeightsStore,
        *,
        device: str = "auto",
        dtype: str = "float32",
        max_queue: int = MAX_QUEUE,
        max_models: int = MAX_MODELS_KEPT,
        max_uploads: int = MAX_UPLOADS_KEPT,
    ) -> None:
        if min(max_queue, max_models, max_uploads) < 1:
            raise InvalidInput("The service needs room for at least one request, model and upload.")
        torch_dtype(dtype)
        self._device = resolve_device(device)
        self._dtype = dtype
        self._store = store
        self._room = WaitingRoom(max_queue)
        self._uploads = Uploads(max_uploads, on_drop=self._forget)
        self._models = Models(
            store, self._uploads, device=self._device, dtype=dtype, capacity=max_models
        )
        self._pictures = Pictures()
        self._looks = Looks()
        self._timing = threading.Lock()

    def classify(self, request: ClassifyRequest) -> Prediction:
        """The most probable classes of one picture by one model.

        Raises Busy, ImageError, WeightsError, DoesNotFit or InvalidInput.
        """
        with self._room.admit() as ticket:
            return self._classify(request, ticket)

    def classify_many(self, requests: Iterable[ClassifyRequest]) -> tuple[Prediction | Failed, ...]:
        """Answer several requests (several models or pictures) as one; raises Busy.

        One that cannot be answered gives its sentence, and the others are answered.
        """
        with self._room.admit() as ticket:
            return tuple(answer_or_sentence(self._classify, r, ticket) for r in requests)

    def explain(self, request: ExplainRequest) -> Explanation:
        """Where one model looked for one class; raises what `classify` raises."""
        with self._room.admit() as ticket:
            return self._explain(request, ticket)

    def explain_many(self, requests: Iterable[ExplainRequest]) -> tuple[Explanation | Failed, ...]:
        """Answer several requests (models, classes, methods) as one, as `classify_many` does."""
        with self._room.admit() as ticket:
            return tuple(answer_or_sentence(self._explain, r, ticket) for r in requests)

    def explain_stages(self, request: ExplainRequest) -> tuple[Explanation, ...]:
        """The map of every stage, stem first, head convolution last; `request.stage` is not read.

        Raises what `classify` raises, and InvalidInput for a method that knows no stages.
        """
        with self._room.admit() as ticket, self._subject(request, ticket) as subject:
            maps = attribute_stages(
                subject.predictor.model,
                subject.inputs,
                class_index=subject.target.index,
                method=request.method,
                passes=subject.passes,
            )
            return tuple(subject.explanation(attribution) for attribution in maps)

    def explain_classes(self, request: ClassifyRequest) -> tuple[Explanation, ...]:
        """Last-stage Grad-CAM of every class, in index order; raises what `classify` raises."""
        asked = ExplainRequest(image=request.image, weights=request.weights)
        with self._room.admit() as ticket, self._subject(asked, ticket) as subject:
            prediction, look = subject.seen.prediction, subject.seen.look
            classes = range(len(prediction.classes))
            model = subject.predictor.model
            maps = grad_cam_classes(model, subject.inputs, classes, look=look)
            return tuple(
                replace(subject, target=prediction.of(index)).explanation(attribution)
                for index, attribution in zip(classes, maps, strict=True)
            )

    def available(self, uploads: Sequence[str] = ()) -> tuple[ModelCard, ...]:
        """Bundled models first, then published and imported weights, then the uploads named by id.

        A session names its own uploads: others' are never listed.
        """
        return (*map(stored_card, self._store.listing()), *self._uploads.cards(uploads))

    def classes(self, weights: str) -> tuple[str, ...]:
        """A model's class names in index order; loads it only if nothing else knows them."""
        if weights.startswith(PREFIX):
            return self._uploads.card(weights).classes
        if (model := find_bundled(weights)) is not None:
            return model.classes
        if self._store.imported(weights) is None:
            return find(weights).classes
        with self._room.admit() as ticket, self._models.use(weights, ticket) as predictor:
            return predictor.classes

    def add_checkpoint(
        self,
        data: bytes,
        file_name: str,
        *,
        architecture: str | None = None,
        classes: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> ModelCard:
        """Keep an uploaded checkpoint in memory; its card's id is then asked for like any other.

        The oldest upload makes room. Raises Busy, CheckpointError or InvalidInput.
        """
        with self._room.admit():
            return self._uploads.add(
                data,
                file_name,
                architecture=architecture,
                classes=classes,
                preprocessing=preprocessing,
            )

    def download(
        self, weights: str, progress: Callable[[int, int], None] | None = None
    ) -> ModelCard:
        """Fetch published weights into the store; `progress(done, total)` is called with bytes.

        Raises DownloadError, WeightsError or InvalidInput.
        """
        entry = find(weights)
        self._store.get(entry, progress)
        return next(card for card in self.available() if card.id == entry.id)

    def measure(self, weights: str, *, repeats: int = 20) -> LatencyMeasurement:
        """Time one model's forward pass here, at the resolution of its weights.

        Measurements run one at a time; other requests may run beside them and show in the spread.
        Raises what `classify` raises.
        """
        with (
            self._room.admit() as ticket,
            self._models.use(weights, ticket) as predictor,
            self._timing,
        ):
            return measure(predictor.model, repeats=repeats)

    def measure_spec(self, spec: ArchitectureSpec, *, repeats: int = 20) -> LatencyMeasurement:
        """Time any architecture here with random weights; raises Busy, DoesNotFit, InvalidInput."""
        with self._room.admit() as ticket, self._timing:
            ticket.turn()
            return measure_spec(spec, device=str(self._device), dtype=self._dtype, repeats=repeats)

    def describe(self) -> DeviceInfo:
        """The device and dtype that every answer is computed with."""
        return DeviceInfo(
            device=str(self._device),
            name=device_name(self._device),
            dtype=self._dtype,
            threads=torch.get_num_threads(),
        )

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn now."""
        return self._room.waiting

    def loaded(self) -> tuple[str, ...]:
        """The ids of the models in memory, least recently used first."""
        return self._models.loaded()

    def _classify(self, request: ClassifyRequest, ticket: Ticket) -> Prediction:
        key = digest(request.image), self._models.identity(request.weights)
        seen = self._looks.get(key)
        if seen is None:
            picture = self._picture(request)
            with self._models.use(request.weights, ticket) as predictor:
                seen = self._see(key, picture, predictor)
        return seen.prediction.with_top(request.top_k)

    def _picture(self, request: ClassifyRequest | ExplainRequest) -> Picture:
        """A request's picture, decoded as far as its model needs, which is not loaded for that."""
        edge = edge_for(self._models.preprocessing(request.weights))
        return self._pictures.get(request.image, edge)

    def _see(self, key: Key, picture: Picture, predictor: Predictor) -> Seen:
        """What the model says of the picture, by a pass only where that is not known."""
        if (seen := self._looks.get(key)) is not None:
            return seen
        prediction, look = predictor.see(picture.decoded)
        total = picture.decode_milliseconds + prediction.milliseconds
        seen = Seen(replace(prediction, milliseconds=total), look)
        self._looks.put(key, seen)
        return seen

    def _explain(self, request: ExplainRequest, ticket: Ticket) -> Explanation:
        with self._subject(request, ticket) as subject:
            return subject.explanation(
                attribute(
                    subject.predictor.model,
                    subject.inputs,
                    class_index=subject.target.index,
                    method=request.method,
                    stage=request.stage,
                    parameters=request.parameters,
                    preprocessing=subject.predictor.preprocessing,
                    passes=subject.passes,
                )
            )

    @contextmanager
    def _subject(self, request: ExplainRequest, ticket: Ticket) -> Iterator[Subject]:
        """Hold the model's lane, with the picture classified and the class chosen."""
        picture = self._picture(request)
        with self._models.use(request.weights, ticket) as predictor:
            key = digest(request.image), self._models.identity(request.weights)
            seen = self._see(key, picture, predictor)
            chosen, prediction = request.class_index, seen.prediction
            yield Subject(
                predictor=predictor,
                seen=seen,
                target=prediction.top[0] if chosen is None else prediction.of(chosen),
                inputs=predictor.inputs(prediction.pixels),
            )

    def _forget(self, identity: str) -> None:
        self._models.forget(identity)
        self._looks.forget(identity)
