"""OpenCV's dnn module (Debian: python3-opencv), which has no TopK."""
from serve import serve


def start():
    import cv2

    def load(path):
        net = cv2.dnn.readNetFromONNX(path)
        names = net.getUnconnectedOutLayersNames()

        def run(inputs):
            for name, x in inputs.items():
                net.setInput(x, name)
            # forward(names) gives the outputs in the order of the names, which are those of the model.
            return {name: value.copy() for name, value in zip(names, net.forward(names))}

        return run

    return f"OpenCV {cv2.__version__} dnn", load


serve(start)
