"""Predictions of trained models for stores and recordings that they were not trained on."""
