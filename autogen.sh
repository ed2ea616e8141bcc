#!/bin/sh
# Makes ./configure; needs autoconf, autoconf-archive, automake, libtool and pkg-config.
set -e
cd "$(dirname "$0")"
exec autoreconf --force --install --warnings=all
