"""The model card of a bundled model, written from its records."""

from __future__ import annotations

from typing import Any


def model_card(entry: dict[str, Any], record: dict[str, Any], maps: dict[str, Any]) -> str:
    """Markdown: what the model is, how it was made, what was measured, what it cannot do."""
    return "\n\n".join(
        (
            f"# {entry['title']}",
            _summary(entry, record),
            "## Data\n\n" + _data(entry, record),
            "## Training\n\n" + _training(record),
            "## Results\n\n" + _results(record),
            "## Where it looks\n\n" + _maps(maps),
            "## Limits\n\n" + _limits(record),
            f"## File\n\n`{entry['file']}`, {entry['size_bytes']:,} bytes, float16, SHA-256 "
            f"`{entry['sha256']}`.\n",
        )
    )


def _summary(entry: dict[str, Any], record: dict[str, Any]) -> str:
    spec = record["spec"]
    return (
        f"An EfficientNet of {entry['params']:,} parameters ({record['name']}, input "
        f"{spec['resolution']} × {spec['resolution']} pixels, {spec['num_classes']} classes), "
        f"trained by this project and bundled on {record['date']}."
    )


def _data(entry: dict[str, Any], record: dict[str, Any]) -> str:
    data = record["data"]
    return (
        f"{data['train']:,} training photos of {data['side']} × {data['side']} pixels from "
        f"{len(entry['classes'])} classes of Tiny-ImageNet-200 "
        "(cs231n.stanford.edu/tiny-imagenet-200.zip), a part of ImageNet; "
        f"{data['held_out']:,} more were held out for choices. **ImageNet's photos are for "
        "non-commercial research**; none of them is part of this project."
    )


def _training(record: dict[str, Any]) -> str:
    recipe = record["recipe"]
    rows = "\n".join(f"| {name} | {value} |" for name, value in recipe.items())
    return (
        f"{recipe['epochs']} epochs in {record['seconds'] / 60:.0f} minutes on {record['device']} "
        f"({record['photos_per_second']:.0f} photos a second). The recipe, for "
        f"`effnet train --recipe`:\n\n| field | value |\n|---|---|\n{rows}"
    )


def _results(record: dict[str, Any]) -> str:
    held, seen = record["held_out"], record["validation"]
    return (
        "| photos | top-1 | top-5 |\n|---|---|---|\n"
        f"| {record['data']['held_out']:,} held-out training photos | {held['top1']:.2%} | "
        f"{held['top5']:.2%} |\n"
        f"| {seen['photos']:,} validation photos | {seen['top1']:.2%} | {seen['top5']:.2%} |\n\n"
        f"Measured with the bundled file; chance is {1 / record['spec']['num_classes']:.0%}. "
        f"Expected calibration error {seen['calibration_error']:.1%}. Reproduce: "
        f"`effnet evaluate --weights {record['id']} PREPARED`, where PREPARED is made by "
        "`effnet data prepare`."
    )


def _maps(maps: dict[str, Any]) -> str:
    head = (
        f"Grad-CAM on {maps['photos']} validation photos with boxes, beside controls that know "
        "nothing of the photo; shares, mean ± standard error.\n\n"
        "| map | stage | grid | pointing game | energy in the box | insertion | deletion |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(_map_row(row) for row in maps["rows"])


def _map_row(row: dict[str, Any]) -> str:
    stage = "–" if row["stage"] is None else row["stage"]
    rows, columns = row["grid"]
    cells = " | ".join(_share(row[key]) for key in ("pointing", "energy", "insertion", "deletion"))
    return f"| {row['subject']} | {stage} | {rows} × {columns} | {cells} |"


def _share(value: dict[str, Any]) -> str:
    error = value["standard_error"]
    return f"{value['mean']:.3f}" + ("" if error is None else f" ± {error:.3f}")


def _limits(record: dict[str, Any]) -> str:
    spec, side = record["spec"], record["data"]["side"]
    wrong = 1 - record["validation"]["top1"]
    return (
        f"It knows {spec['num_classes']} classes and gives one of them to any picture. It saw "
        f"photos of {side} pixels with one subject each; sharper and busier pictures are "
        f"unlike those. It was wrong on {wrong:.0%} of the validation photos: an object of study, "
        "not a tool for decisions."
    )
