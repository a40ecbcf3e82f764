"""The exported classifier in onnxruntime, for the other servers."""

import numpy as np
import onnxruntime


class Model:
    """A graph of onnxruntime on one thread."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options)

    def probabilities(self, sequences):
        """Of sequences of one length."""
        lengths = np.full(len(sequences), len(sequences[0]))
        return self.session.run(None, {"values": np.array(sequences), "lengths": lengths})[0]
