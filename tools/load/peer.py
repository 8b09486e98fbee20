#!/usr/bin/env python3
"""What people serve otherwise: FastAPI, uvicorn and transformers' pipeline, with the same `POST /predict`.

Needs fastapi and uvicorn beside tools/golden/requirements.txt. A route without `async` runs on a thread pool, as FastAPI's own
documentation advises for work that blocks; --at-once says how many of its threads may be in the pipeline together. More than one only
makes them wait for each other: PyTorch uses every core for one text already.

usage: peer.py --model DIR [--port 8090] [--threads 2] [--at-once 1]
"""

import argparse
import threading

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline


class Parameters(BaseModel):
    aggregation_strategy: str = "simple"


class Request(BaseModel):
    inputs: str | list[str]
    parameters: Parameters = Parameters()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    turn = threading.Semaphore(options.at_once)
    torch.set_num_threads(options.threads)
    ner = pipeline("token-classification", model=options.model, device="cpu")
    app = FastAPI()

    @app.post("/predict")
    def predict(request: Request):
        with turn:
            found = ner(request.inputs, aggregation_strategy=request.parameters.aggregation_strategy)
        return [{**mention, "score": float(mention["score"])} for mention in found]

    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
