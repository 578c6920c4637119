"""mien in a FastAPI of one's own: `uvicorn fastapi_route:app`, in this folder."""

from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException

import mien

app = FastAPI()
analyzer = mien.Analyzer()


@app.post("/faces")
def faces(picture: Annotated[bytes, Body(media_type="image/*")]) -> list[dict[str, Any]]:  # in a thread of its own
    try:
        return [face.to_dict() for face in analyzer(picture)]
    except mien.MienError as error:
        raise HTTPException(422, str(error)) from error
