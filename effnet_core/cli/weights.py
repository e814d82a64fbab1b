"""`effnet weights …`: what is published, what is on this disk, and bringing more there."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effnet_core.cli.common import Commands, add_command, print_table, progress_bar, working
from effnet_core.cli.loading import add_checkpoint, checkpoint_options, described_input
from effnet_core.cli.streams import print_json, say
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.files import decimal_size

if TYPE_CHECKING:
    from effnet_core.weights import StoredWeights, WeightsStore

Answer = dict[str, Any]


def register(commands: Commands) -> None:
    """Add the group of commands."""
    summary = "Weights: published sets and files on this disk."
    group = commands.add_parser("weights", help=summary, description=summary)
    actions = group.add_subparsers(metavar="ACTION", required=True, dest="action")
    add_command(
        actions, "list", _list, "Every set of weights, with its size and whether it is here."
    )
    get = add_command(actions, "get", _get, "Download published weights and check them.")
    get.add_argument("items", nargs="+", metavar="ID", help="id or architecture, such as b0")
    prepare = add_command(
        actions, "prepare", _prepare, "Make beforehand what first answers would wait for."
    )
    prepare.add_argument(
        "items", nargs="*", metavar="ID", help="[what comes with the project or in packages]"
    )
    _register_import(actions)
    remove = add_command(actions, "remove", _remove, "Delete weights from this disk.")
    remove.add_argument("items", nargs="+", metavar="ID")
    verify = add_command(
        actions, "verify", _verify, "Read weights in whole and check their SHA-256."
    )
    verify.add_argument(
        "items", nargs="*", metavar="ID|FILE", help="[everything that is on this disk]"
    )


def _register_import(actions: Commands) -> None:
    parser = add_command(
        actions, "import", _import, "Take a checkpoint into the store, checked strictly."
    )
    parser.add_argument("file", metavar="FILE|FOLDER|ZIP", help="a checkpoint, or what holds one")
    parser.add_argument("--name", metavar="ID", help="id to give it [made from the file's name]")
    parser.add_argument("--licence", default="not stated", help="its licence, for the record")
    parser.add_argument("--origin", help="where it is from, for the record")
    add_checkpoint(parser)


def _store() -> WeightsStore:
    from effnet_core.weights import WeightsStore

    return WeightsStore()


def _list(args: argparse.Namespace) -> int:
    from effnet_core.weights.bundled import damage as bundled_damage
    from effnet_core.weights.stored import damage

    store = _store()
    listing = store.listing()
    for sentence in filter(None, (bundled_damage(), *damage(store.root))):
        say(f"effnet: {sentence}")
    if args.json:
        print_json([_described(store, record) for record in listing])
        return 0
    print_table(
        ("Id", "Architecture", "Input", "Size", "State"),
        [
            (
                record.id,
                record.architecture,
                f"{record.resolution} px",
                decimal_size(record.size_bytes),
                _state(record),
            )
            for record in listing
        ],
    )
    print(f"\nIn {store.root}; sizes of absent files as published.")
    return 0


def _state(record: StoredWeights) -> str:
    if record.packaged and record.state == "ready":
        return "packaged"
    return "bundled" if record.bundled else "imported" if record.imported else record.state


def _described(store: WeightsStore, record: StoredWeights) -> Answer:
    return {**dataclasses.asdict(record), "path": str(store.path(record.id))}


def _get(args: argparse.Namespace) -> int:
    store = _store()

    def get(item: str) -> Answer:
        with progress_bar(item, "B") as progress:
            path = store.get(item, progress)
        return {
            "path": str(path),
            "size_bytes": path.stat().st_size,
            "sha256": store.verify(item).sha256,
        }

    return _report(
        args, args.items, get, lambda a: f"{a['path']} ({decimal_size(a['size_bytes'])})"
    )


def _prepare(args: argparse.Namespace) -> int:
    store = _store()
    along = [record.id for record in store.listing() if record.bundled or record.packaged]

    def prepare(item: str) -> Answer:
        from effnet_core.service.preparing import prepare

        start = time.perf_counter()
        with working(f"Preparing {item}"):
            prepare(store, item)
        return {"seconds": round(time.perf_counter() - start, 3)}

    return _report(args, args.items or along, prepare, lambda a: f"ready ({a['seconds']:.1f} s)")


def _import(args: argparse.Namespace) -> int:
    options = checkpoint_options(args)
    store = _store()
    with working(f"Importing {args.file}"):
        record = store.import_file(
            args.file, name=args.name, licence=args.licence, origin=args.origin, **options
        )
    if args.json:
        print_json(_described(store, record))
    else:
        print(
            f"{record.id}: {record.architecture}, {record.num_classes:,} classes, "
            f"{record.resolution} px, {decimal_size(record.size_bytes)}; use it as "
            f"--weights {record.id}\n{described_input(record)}"
        )
    return 0


def _remove(args: argparse.Namespace) -> int:
    store = _store()
    return _report(
        args,
        args.items,
        lambda item: {"freed_bytes": store.remove(item)},
        lambda answer: f"{decimal_size(answer['freed_bytes'])} freed",
    )


def _verify(args: argparse.Namespace) -> int:
    from effnet_core.files import is_file

    store = _store()
    here = [record.id for record in store.listing() if record.state == "ready"]

    def verify(item: str) -> Answer:
        with working(f"Reading {item}"):
            return dataclasses.asdict(store.verify(Path(item) if is_file(item) else item))

    return _report(args, args.items or here, verify, _verified)


def _verified(answer: Answer) -> str:
    found = "intact" if answer["compared"] else "readable; no recorded hash to compare with"
    return f"{found}; SHA-256 {answer['sha256']}"


def _report(
    args: argparse.Namespace,
    items: list[str],
    act: Callable[[str], Answer],
    sentence: Callable[[Answer], str],
) -> int:
    """Do `act` for every item, whatever became of the others; the worst decides the exit code."""
    answers: list[Answer] = []
    code = 0
    for item in items:
        try:
            answers.append({"id": item, **act(item)})
        except EffnetError as error:
            answers.append({"id": item, "error": str(error)})
            say(f"effnet: {item}: {error}")
            code = max(code, 2 if isinstance(error, InvalidInput) else 1)
    if args.json:
        print_json(answers)
        return code
    for answer in answers:
        if "error" not in answer:
            print(f"{answer['id']}: {sentence(answer)}")
    return code
