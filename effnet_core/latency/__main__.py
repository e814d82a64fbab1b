"""A calibration in a process of its own: `python -m effnet_core.latency calibrate|check`.

Standard output gets a JSON object a line: `{"share": 0.5, "doing": "b0, 96 pixels"}` while it goes
on, and `{"error": "…"}` if it fails.
"""

from __future__ import annotations

import json
import sys

from effnet_core.errors import EffnetError
from effnet_core.latency.making import TASKS, make


def main(given: list[str]) -> int:
    """Do one task; 1 where it fails."""
    (task,) = (one for one in TASKS if [one] == given)
    try:
        make(task, lambda share, doing: _tell(share=share, doing=doing))
    except EffnetError as error:
        _tell(error=str(error))
        return 1
    return 0


def _tell(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
