"""What to do about each error of a disk, as a part of a sentence."""

from __future__ import annotations

import errno

_OTHER = "choose another folder with --out"
_REFUSALS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your disk quota is used up; free some space",
    errno.EFBIG: "the file would be larger than this system allows; raise the limit",
    errno.EROFS: f"the disk is read-only; {_OTHER}",
    errno.EACCES: f"you may not write there; {_OTHER}",
    errno.EPERM: f"you may not write there; {_OTHER}",
    errno.ENOTDIR: f"there is a file where a folder must be; {_OTHER}",
    errno.EISDIR: f"there is a folder where a file must be; {_OTHER}",
    errno.EIO: "the disk failed; choose another disk with --out",
    errno.ENXIO: "the disk is gone; attach it",
    errno.ENODEV: "the disk is gone; attach it",
    errno.ESTALE: "the network disk lost the file; wait until the disk is back",
    errno.ENOENT: (
        f"a file or folder vanished during the work, or none can be made there; leave the folder alone, or {_OTHER}"
    ),
    errno.EEXIST: "something else writes there; leave the folder alone",
    errno.ENOTEMPTY: "something else writes there; leave the folder alone",
    errno.EBUSY: "another program uses a file or folder there; end that program",
    errno.ETXTBSY: "another program uses a file or folder there; end that program",
    errno.EXDEV: f"a part of the folder is on another disk; {_OTHER}",
    errno.EMLINK: "the disk allows no more entries in a folder; choose another disk with --out",
    errno.ENAMETOOLONG: "the path is too long for this disk; choose a shorter one with --out",
    errno.ELOOP: f"a link there leads to itself; {_OTHER}",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine; end some programs",
    errno.ENOMEM: "memory ran out; end some programs",
    errno.ENOLCK: f"the disk does not support locks; mount it with them, or {_OTHER}",
    errno.EOPNOTSUPP: "the disk does not support what a store needs; choose another disk with --out",
    errno.ENOSYS: "the disk does not support what a store needs; choose another disk with --out",
}
_REFUSED = f"the system refuses to write there; {_OTHER}"


def advice(code: int) -> str:
    """What a disk refused, and what to do about it.

    Parameters
    ----------
    code : int
        An ``errno``.

    Returns
    -------
    str
        Part of a sentence; the same command is then to be run again.

    Examples
    --------
    >>> import errno
    >>> advice(errno.ENOSPC)
    'the disk is full; free some space'
    """
    return _REFUSALS.get(code, _REFUSED)
