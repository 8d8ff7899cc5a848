"""Exports of a run: ONNX, a hub folder, a static page, a Space."""
