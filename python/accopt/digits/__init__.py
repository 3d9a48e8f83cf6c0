"""The bundled model: a small CNN on scikit-learn's handwritten digits."""
