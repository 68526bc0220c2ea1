"""Names of the files of a model."""

WEIGHTS_NAME, CONFIG_NAME = "model.safetensors", "model.yaml"
PACKED_CONFIG_NAME = "config.yaml"
USUAL_FEATURES = "configs/mug/features_2.yaml"
"""What can be asked for, as far as a model does not say it itself."""

FEATURES_NAME, CARD_NAME = "features.yaml", "README.md"
SCORER_NAME, REACHED_NAME = "rhythm.safetensors", "reached.json"
