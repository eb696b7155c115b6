"""Training, measuring and loading the classifier; the only home of scikit-learn."""
