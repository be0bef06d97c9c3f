"""tumorscope: brain-tumour MRI from scan to measured map."""
