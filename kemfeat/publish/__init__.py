"""Copy a store to an address and back: objects that never change, and one conditional put that commits.

``docs/store-format.md`` describes what is at the address. Nobody sees a version before all of it is there.
"""

from kemfeat.publish.pull import pull_store
from kemfeat.publish.push import push_store
from kemfeat.store.copied import Copied

__all__ = ["Copied", "pull_store", "push_store"]
