"""The classifier behind FastAPI and uvicorn alone, with a thread for each request: MODEL.onnx PORT."""

import sys

import uvicorn
from fastapi import FastAPI
from onnx_model import Model

app, model = FastAPI(), Model(sys.argv[1])


@app.post("/predict")
def predict(body: dict):
    return {"rows": model.probabilities(body["sequences"]).tolist()}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
