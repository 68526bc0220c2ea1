"""Names of the files of a model."""

WEIGHTS_NAME, CONFIG_NAME = "model.safetensors", "model.yaml"
PACKED_CONFIG_NAME = "config.yaml"
USUAL_FEATURES = "configs/mug/features_2.yaml"
"""Features that can be asked for where a model does not say its own."""

FEATURES_NAME, CARD_NAME = "features.yaml", "README.md"
SCORER_NAME, REACHED_NAME = "rhythm.safetensors", "reached.json"
