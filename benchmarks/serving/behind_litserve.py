"""The classifier behind LitServe, which computes requests in batches: MODEL.onnx PORT."""

import sys

import litserve
from onnx_model import Model


class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = Model(sys.argv[1])

    def decode_request(self, request):
        return request["sequences"][0]

    def predict(self, batch):
        return self.model.probabilities(batch)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"rows": [output.tolist()]}


if __name__ == "__main__":
    api = Api(max_batch_size=1024, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[2]), host="127.0.0.1", log_level="error", generate_client_file=False)
