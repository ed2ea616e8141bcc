# shellcheck shell=bash disable=SC2034
# Sourced by fetch, run and self-test.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
kernels=${KCRYPTOKI_KERNELS:-$(cd "$here/../.." && pwd -P)/build/kernels}
# depmod and modinfo live where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin

# 125 is what timeout(1) and env(1) use for their own failures, so a command's status is never mistaken for ours.
die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 125
}

# need COMMAND:PACKAGE...
need()
{
    local pair missing=
    for pair; do
        command -v "${pair%%:*}" >/dev/null || missing+=" ${pair#*:}"
    done
    [[ -z $missing ]] || die "missing Debian packages, install them first:$missing"
}
