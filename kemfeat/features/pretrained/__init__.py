"""Pretrained models of ``transformers``, frozen: from a folder or the local cache, checked before anything is loaded.

Nothing here uses the network, runs code that came with a model, or opens a pickle.
"""
