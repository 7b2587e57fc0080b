"""Networks of the published systems as layers that take tensors; :mod:`kemfeat.learn.models` makes models of them."""
