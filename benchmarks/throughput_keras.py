"""Worker of ``throughput.py``: the same U-Net in Keras, trained by ``model.fit`` on data in memory.

Runs in an environment with ``tensorflow-cpu``; imports nothing of this package.
"""

from __future__ import annotations

import argparse
import os

from throughput_gate import Gate, Stop, answer


def build(keras, size, channels, classes, filters, dropout):  # type: ignore[no-untyped-def]
    """Return the U-Net of ``tumorscope.networks.unet`` as a Keras model with softmax outputs in float32."""
    layers = keras.layers

    def double(x, width):  # type: ignore[no-untyped-def]
        x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        x = layers.Dropout(dropout)(x)
        return layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)

    start = x = keras.Input((*size, channels))
    skips = []
    for width in filters[:-1]:
        x = double(x, width)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = double(x, filters[-1])
    for width in reversed(filters[:-1]):
        x = layers.Conv2DTranspose(width, 2, strides=2, padding="same")(x)
        x = double(layers.Concatenate()([x, skips.pop()]), width)
    return keras.Model(start, layers.Conv2D(classes, 1, activation="softmax", dtype="float32")(x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--policy", choices=("float32", "mixed_bfloat16"), required=True)
    parser.add_argument("--jit", choices=("auto", "off"), required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--size", type=int, nargs=2, required=True)
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--filters", type=int, nargs="+", required=True)
    parser.add_argument("--dropout", type=float, required=True)
    o = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(o.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.mixed_precision.set_global_policy(o.policy)
    model = build(keras, o.size, o.channels, o.classes, o.filters, o.dropout)
    jit = "auto" if o.jit == "auto" else False
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="categorical_crossentropy", jit_compile=jit)
    rng = np.random.default_rng(0)
    images = rng.standard_normal((o.batch, *o.size, o.channels), dtype=np.float32)
    labels = np.eye(o.classes, dtype=np.float32)[rng.integers(0, o.classes, (o.batch, *o.size))]
    data = tf.data.Dataset.from_tensors((images, labels)).cache().repeat()
    gate = Gate()

    class GateCallback(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_begin(self, batch, logs=None):  # type: ignore[no-untyped-def]
            gate.step()

    answer(parameters=model.count_params(), versions={"keras": keras.__version__, "tensorflow": tf.__version__})
    try:
        model.fit(data, steps_per_epoch=1_000_000, epochs=1, verbose=0, callbacks=[GateCallback()])
    except Stop:
        return


if __name__ == "__main__":
    main()
