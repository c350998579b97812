"""The Open Inference Protocol v2 over HTTP, as the service reads it and the scorer writes it.

Tensors are sent as JSON or as raw bytes behind the JSON (the binary tensor extension). Only the
tensors of a row scorer are accepted: one FP32 input of shape ``(n_rows, n_features)``, one FP64
output of shape ``(n_rows,)`` for the scores, another one for each estimate, and last, for models
that recommend items, one INT64 output of shape ``(n_rows, size)``.

References
----------
https://github.com/open-inference/open-inference-protocol (version 2, HTTP/REST) and, for the
binary tensors, https://github.com/triton-inference-server/server, ``extension_binary_data``.
"""

from streamsim.streams.inference.infer_requests import InferRequest, read_infer, write_infer
from streamsim.streams.inference.infer_responses import read_response, write_response
from streamsim.streams.inference.named_rows import named_rows
from streamsim.streams.inference.tensor_bodies import (
    BINARY_TYPE,
    HEADER_LENGTH,
    INPUT,
    INPUT_TYPE,
    ITEMS,
    ITEMS_TYPE,
    OUTPUT,
    OUTPUT_TYPE,
    load_object,
)

__all__ = [
    "BINARY_TYPE",
    "HEADER_LENGTH",
    "INPUT",
    "INPUT_TYPE",
    "ITEMS",
    "ITEMS_TYPE",
    "OUTPUT",
    "OUTPUT_TYPE",
    "InferRequest",
    "load_object",
    "named_rows",
    "read_infer",
    "read_response",
    "write_infer",
    "write_response",
]
