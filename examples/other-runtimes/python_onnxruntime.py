"""Python's onnxruntime."""
from serve import serve


def start():
    import onnxruntime

    def load(path):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return lambda inputs: dict(zip(names, session.run(names, inputs)))

    return f"Python onnxruntime {onnxruntime.__version__}", load


serve(start)
