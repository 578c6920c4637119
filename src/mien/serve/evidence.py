"""Which parts of faces speak for which expression, for a page that draws it over them."""

from typing import Any

import numpy as np

from mien.values import FrameResult


def evidence_of(result: FrameResult) -> list[dict[str, Any]]:
    """The maps of each face, all of which have an explanation: by label, row by row, in logits, as in its crop."""
    explanations = [face.explanation for face in result.faces if face.explanation]
    return [
        {
            "width": each.maps.shape[2],
            "height": each.maps.shape[1],
            "maps": {
                label: np.round(own.ravel(), 4).tolist()
                for label, own in zip(each.labels, each.maps.astype(np.float64), strict=True)
            },
        }
        for each in explanations
    ]
