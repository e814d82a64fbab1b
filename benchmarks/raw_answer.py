"""The five most probable classes of a picture by ONNX Runtime alone, as its documentation does it.

`python benchmarks/raw_answer.py GRAPH PICTURE`: it knows nothing of this project, which needs to
be no slower than its own start and this. The preprocessing is that of EfficientNet-Lite0.
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image


def main() -> None:
    """Print index and logit of each."""
    graph, picture = sys.argv[1:]
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    short = min(image.size)
    image = image.resize(
        (image.width * 256 // short, image.height * 256 // short), Image.Resampling.BICUBIC
    )
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
    inputs = ((pixels - 0.5) / 0.5).transpose(2, 0, 1)[None]
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    logits = session.run(None, {session.get_inputs()[0].name: inputs})[0][0]
    for index in np.argsort(-logits)[:5]:
        print(index, logits[index])


if __name__ == "__main__":
    main()
