"""Every bound that a user can meet. What each protects stands beside it where it is kept."""

from __future__ import annotations

from dataclasses import dataclass

# Networks.
PHI_MIN, PHI_MAX = -6.0, 10.0
FACTOR_MIN, FACTOR_MAX = 0.5, 3.0
"""Of α, β and γ."""
RESOLUTION_MIN, RESOLUTION_MAX = 32, 8192
MAX_BLOCKS = 2000
"""Networks with more MBConv blocks than this are refused: depth-only scaling grows past any use."""
MAX_CHANNELS = MAX_CLASSES = 1_000_000

# Pictures.
MAX_EDGE = 4 * RESOLUTION_MAX
"""Pixels of the shorter edge before the crop."""
MIN_STD, MAX_MEAN = 1e-6, 1e6
"""Of a channel in preprocessing: beyond them no picture's values are left."""
MAX_PIXELS = 40_000_000
"""Of what is decoded; the limits below keep any picture within three times the time and the memory
of a plain JPEG of 24 million pixels that is decoded whole."""
MAX_JPEG_PIXELS = 4 * MAX_PIXELS
"""Of a JPEG that is decoded at half its size or less: the cameras of telephones have up to 108
million."""
MAX_CLEAR_PIXELS, MAX_DEEP_PIXELS, MAX_AVIF_PIXELS = 28_000_000, 24_000_000, 18_000_000
"""Of a picture with transparency or a WebP, of one with more than 8 bits a channel, of an AVIF."""
MAX_SIDE = 2**15
"""Pixels; each row costs something, however short it is."""
MAX_PICTURE_BYTES = 128_000_000
"""MAX_PIXELS uncompressed, and some room."""
MAX_PACKED_BYTES = 30_000_000
"""Of a PNG or a TIFF that has to be unpacked."""
MAX_JPEG_SCANS, MAX_SCANNED_PIXELS = 64, 320_000_000
"""A progressive JPEG has about 10 scans; each passes over every pixel again."""
MAX_CHUNKS, MAX_CHUNK_BYTES = 20_000, 16_000_000
"""Of a PNG: how many pieces it has, and the bytes of those that hold no pixels."""
MAX_PICTURES = 12
"""Of one session."""
PICTURE_UPLOAD_MEGABYTES = 40
MAX_FILE_KEPT_BYTES = 1_000_000
"""Of a picture's file that is kept as it came; a larger one is kept smaller, as a JPEG."""
MAX_KEPT_PIXELS = 6_000_000
"""Of what is kept of a larger one."""
MAX_KEPT_BYTES = 96_000_000
"""Of the pictures of all sessions together; then who looked at theirs longest ago loses them."""

# What is on its way to the server.
MAX_UPLOADED_BYTES = 2**30
"""Of all files that arrive, or have arrived and lie unused, at once; further ones wait for room."""
MAX_UPLOADING_SESSIONS = 8
"""Sessions whose files arrive at the same time; the others' wait for theirs to be taken in."""
UPLOAD_WAIT_S, UPLOAD_IDLE_S = 600.0, 60.0
"""How long an upload waits for room, and how long one may send nothing."""

# Weights.
MAX_WEIGHTS_BYTES = 4 * 2**30
MAX_HEADER_BYTES = 16 * 2**20
"""Of a safetensors file."""
MAX_TENSORS = 100_000
"""Of one file; the largest network here has some 40,000, and its optimiser twice as many again."""
MAX_PICKLE_BYTES = 16 * 2**20
"""Of what names and shapes a PyTorch file's tensors, without their values."""
MAX_PICKLED_CONTAINERS, CONTAINERS_A_TENSOR = 200_000, 100
"""Tuples, lists and dictionaries there: so many, and so many more for each of its tensors."""
MAX_NESTING = 16
"""Dictionaries within dictionaries, around the tensors of a checkpoint."""
MAX_NETWORKS = 16
"""In one checkpoint, of which one is read."""
MAX_COMPANION_BYTES = 16 * 2**20
"""Of a config.json or preprocessor_config.json beside a weights file."""
MAX_FOLDER_FILES = 10_000
"""In a folder or a zip that holds a weights file."""
MAX_ZIPPED_GROWTH = 16
"""How many times its own size a zip of weights may unpack to: numbers hardly shrink."""
MAX_ONNX_BYTES = 2**31 - 2**26
"""protobuf's limit of 2 GiB, less room for the graph."""
CHECKPOINT_UPLOAD_MEGABYTES = 300
MAX_CLASS_NAMES_BYTES = 4 * 2**20
MAX_CLASS_NAME = 200
"""Characters."""

# Questions to the service.
MAX_ANSWERS_KEPT_BYTES = 32_000_000
"""Of what models said of the pictures of all sessions, with the pixels that they saw."""
MAX_EXPORTS_KEPT_BYTES = 256 * 2**20
"""Of weights as files, of all sessions: up to B4 (231 MB) all that the page offers of one model."""
MAX_QUEUE = 64
"""Of questions that are answered at once: in about a second all have been."""
MAX_SLOW_QUEUE = 4
"""Of questions that take seconds: maps of many passes, probes, tests of maps, timings; and of files
to be read."""
SLOW_WORKERS = 2
"""How many such questions are worked on at once, each in a process of its own."""
MAX_ANSWER_SECONDS, MAX_READING_SECONDS = 300, 60
MAX_READING_BYTES = 6 * 2**30
"""Memory of the process that reads an uploaded file."""
MAX_MODELS_KEPT = MAX_UPLOADS_KEPT = 4
MAX_MODELS_AT_ONCE = MAX_CLASSES_AT_ONCE = 4
MAX_GALLERY_CLASSES = 12
MAX_WINDOWS = 4096
"""Of occlusion: each is a pass."""
PROBE_MIN, PROBE_MAX, MAX_PROBE_SIZES = 32, 1024, 16
"""Input sizes in pixels at which one picture is looked at, and how many of them at once."""
MAX_TIMED_RUNS = 1000
MAX_TIMED_MULT_ADDS = MAX_VERIFIED_MULT_ADDS = 100_000_000_000
MAX_EXPORTED_BYTES = 512_000_000
"""In the browser; the command line takes any network."""

# Files with a list, a recipe or a record.
MAX_RECIPE_BYTES = MAX_FAMILY_BYTES = MAX_CALIBRATION_BYTES = 2**20
MAX_JSON_BYTES = 64 * 2**20
MAX_PREPARED_RECORD_BYTES = 256 * 2**20
MAX_PHOTO_LIST_BYTES = 16_000_000
MAX_RUN_NAME = 60
"""Characters."""
MAX_ZIP_PATH = 1000
"""Characters."""


@dataclass(frozen=True, kw_only=True)
class ZipLimits:
    """What one zip may hold: entries, unpacked bytes of one entry, unpacked bytes of all."""

    entries: int = 400_000
    entry_bytes: int = MAX_PICTURE_BYTES
    total_bytes: int = 32 * 2**30


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """What a run of the browser may bring: bytes of the zip, photos, bytes of them once prepared.

    `runs` are kept at once, and `mult_adds` is the most that a network may take for one photo.
    """

    upload_bytes: int = 200_000_000
    photos: int = 20_000
    prepared_bytes: int = 400_000_000
    runs: int = 20
    mult_adds: int = 4_000_000_000

    def of_zip(self) -> ZipLimits:
        """The same for the zip's own entries; some are folders, and files that are no photos."""
        return ZipLimits(entries=2 * self.photos, total_bytes=10 * self.upload_bytes)
