"""Export to ONNX: layers become the standard's recurrent nodes, or a Scan of their equations."""
