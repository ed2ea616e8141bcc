#!/bin/sh
# doc/mechanisms.md is what the mechanism table and the records of kernels make of it.
source=${srcdir:-.}
module=${KCRYPTOKI_MODULE:?the path of kcryptoki.so}
program=${module%/.libs/*}/tests/mechanisms-page
page=$source/doc/mechanisms.md
fails=0

# report NUMBER NAME, by the status of the command before
report()
{
    if [ "$?" -eq 0 ]; then echo "ok $1 - $2"; else echo "not ok $1 - $2"; fails=1; fi
}

echo 1..2
made=$(mktemp)
"$program" "$source/doc/seen" >"$made"
report 1 "the page can be made"

diff -u "$page" "$made" >"$made.diff"
report 2 "doc/mechanisms.md is current"
if [ -s "$made.diff" ]; then
    sed 's/^/# /' "$made.diff" | head -n 60
    echo "# to write it anew: make -C build/gcc doc-mechanisms"
fi
rm -f "$made" "$made.diff"
exit "$fails"
