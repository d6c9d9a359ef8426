"""Whether pretraining helped: probes, label-free scores, collapse, dissection, importance."""
