"""The pure heart of unflub: values in, values out."""
