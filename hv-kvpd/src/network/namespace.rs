//! For tests: a thread in network and UTS namespaces of its own, where interfaces can be made and names changed.
