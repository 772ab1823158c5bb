"""Fine-tuning: freezing, layer-wise learning rates, LoRA, gradual unfreezing."""
